"""The markdown table of the flight-data benches lists every figure with its aim."""

from __future__ import annotations

import pytest

from bench.flightdata.figures import AIMS, as_markdown
from bench.transcript_log.interleaved_rounds import Spread

pytestmark = pytest.mark.unit


def result() -> dict[str, list[str]]:
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


def test_a_figure_has_its_median_range_and_aim() -> None:
    assert result()["cache_hit_vs_echo"] == ["1.38", "1.37 … 1.41", "≤ 1.5 ×", "met"]
    assert result()["sample_search_p50_ms"] == ["6.13", "4.3 … 6.4", "≤ 5 ms", "**falls short**"]


def test_equal_values_have_no_range() -> None:
    assert result()["identical_misses_calls"] == ["1", "", "≤ 1", "met"]


def test_shares_are_better_when_greater_and_excess_must_be_none() -> None:
    assert result()["fault_schedules_ok"] == ["1", "", "≥ 0.999", "met"]
    assert result()["fault_schedules_over_budget"] == ["0", "", "≤ 0", "met"]


def test_a_figure_without_a_measurement_is_missing() -> None:
    assert result()["startup_seconds"][0] == "missing"
    assert AIMS.keys() <= result().keys()
