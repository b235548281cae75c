"""The calibration of confidence: corpora are read, frames judged, and the error computed and drawn."""

from __future__ import annotations

import json
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest

from bench.calibration import Bin, Judged, bins_of, draw, expected_calibration_error, judged_frames

pytestmark = pytest.mark.unit

JUDGE = """
def judge(row, frame):
    right = frame["slots"].get("passengers") == row["slots"]["passengers"]
    return {"passengers": "right" if right else "wrong"}, frame["intent"] in row["intents"]
"""


def write_corpus(folder: Path, rules: str, *rows: dict[str, object]) -> None:
    folder.mkdir(parents=True)
    (folder / "score.py").write_text(rules)
    lines = [json.dumps({"today": "2026-11-23", **row}) for row in rows]
    (folder / "rows.jsonl").write_text("\n".join(lines))


def test_frames_are_judged_by_slots_and_by_intents(tmp_path: Path) -> None:
    flights = {"intents": ["search_flights"], "slots": {"passengers": 2}}
    write_corpus(
        tmp_path / "slots",
        JUDGE,
        {"text": "flights to Delhi for two", **flights},
        {"text": "flights to Delhi for three", **flights},
        {"text": "three", "apart": True, **flights},
    )
    write_corpus(tmp_path / "intents", "", {"text": "goodbye", "intents": ["goodbye"]}, {"reply": "yes"})
    judged = judged_frames(tmp_path)
    assert [frame.right for frame in judged] == [True, True, False]
    assert all(0 < frame.confidence < 1 for frame in judged)


def test_the_error_is_the_weighted_distance_of_confidence_and_share() -> None:
    sure = [Judged(0.99, right=True)] * 9 + [Judged(0.99, right=False)]
    unsure = [Judged(0.6, right=True)] * 6 + [Judged(0.6, right=False)] * 4
    bins = bins_of([*sure, *unsure])
    assert [(each.frames, each.share) for each in bins] == [(10, 0.6), (10, 0.9)]
    assert expected_calibration_error(bins) == pytest.approx((0.0 + 0.09) / 2)


@pytest.mark.parametrize("right", [0, 4, 8])
def test_the_interval_holds_the_share_and_narrows_with_more_frames(right: int) -> None:
    few, many = Bin(8, 0.5, right / 8), Bin(800, 0.5, right / 8)
    assert few.interval[0] <= few.share <= few.interval[1] + 1e-9
    assert many.interval[1] - many.interval[0] < few.interval[1] - few.interval[0]


def test_the_plot_is_an_svg_without_a_date(tmp_path: Path) -> None:
    path = tmp_path / "plot.svg"
    draw([Bin(10, 0.6, 0.7), Bin(90, 0.98, 1.0)], 0.02, path)
    assert ET.parse(path).getroot().tag.endswith("svg")  # written by this test
    assert "0.020" in path.read_text()
    assert "dc:date" not in path.read_text()
