"""Figures of flight data stand beside their aims in the table for a page, and none is left out."""

from __future__ import annotations

import pytest

from bench.flightdata.figures import AIMS, as_markdown
from bench.transcript_log.interleaved_rounds import Spread

pytestmark = pytest.mark.unit


def told() -> dict[str, list[str]]:
    found = {
        "cache_hit_vs_echo": Spread(1.384, 1.37, 1.412),
        "sample_search_p50_ms": Spread(6.127, 4.3, 6.4),
        "identical_misses_calls": Spread(1, 1, 1),
        "fault_schedules_ok": Spread(1, 1, 1),
        "fault_schedules_over_budget": Spread(0, 0, 0),
    }
    rows = [[cell.strip() for cell in line.strip("|").split("|")] for line in as_markdown(found).splitlines()]
    assert {len(row) for row in rows} == {6}
    return {row[0].strip("`"): row[2:] for row in rows}


def test_a_figure_is_told_by_median_and_range_beside_its_aim() -> None:
    assert told()["cache_hit_vs_echo"] == ["1.38", "1.37 … 1.41", "≤ 1.5 ×", "met"]
    assert told()["sample_search_p50_ms"] == ["6.13", "4.3 … 6.4", "≤ 5 ms", "**falls short**"]


def test_what_came_out_the_same_has_no_range() -> None:
    assert told()["identical_misses_calls"] == ["1", "", "≤ 1", "met"]


def test_shares_are_better_when_greater_and_excess_must_be_none() -> None:
    assert told()["fault_schedules_ok"] == ["1", "", "≥ 0.999", "met"]
    assert told()["fault_schedules_over_budget"] == ["0", "", "≤ 0", "met"]


def test_what_was_not_measured_is_told_as_missing() -> None:
    assert told()["startup_seconds"][0] == "missing"
    assert AIMS.keys() <= told().keys()
