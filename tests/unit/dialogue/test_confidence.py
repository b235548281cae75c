"""Confidence grows with the evidence, and fits the share of right frames."""

from __future__ import annotations

from itertools import pairwise

import pytest

from agent.dialogue.confidence import CALIBRATION
from agent.dialogue.understanding import understand
from bench.calibration import Judged, bins_of, expected_calibration_error
from bench.understanding import FILES, LexiconPlaces, comparable, context_of, read_cases

pytestmark = pytest.mark.unit


def test_more_evidence_never_lowers_the_confidence() -> None:
    assert CALIBRATION[0] == (0.0, 0.0)
    for (low, share), (high, higher_share) in pairwise(CALIBRATION):
        assert low < high
        assert share < higher_share < 1.0


@pytest.mark.parametrize("name", FILES)
async def test_confidence_fits_the_share_of_right_frames(name: str) -> None:
    judged = []
    for case in read_cases(name):
        frame = (await understand(case.text, LexiconPlaces(), context_of(case))).to_json()
        judged.append(Judged(frame["confidence"], comparable(frame) == case.expected))
    assert expected_calibration_error(bins_of(judged)) < 0.05
