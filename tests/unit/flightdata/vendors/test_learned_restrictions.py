"""What a key is refused is remembered over restarts, for that key, and looked at again some days later."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest

from services.flightdata.vendors.learned_restrictions import REMEMBERED, LearnedRestrictions
from tests.simulated_clock import SimulatedClock

pytestmark = pytest.mark.unit


@pytest.fixture
def clock() -> SimulatedClock:
    """Some day."""
    return SimulatedClock(datetime(2026, 11, 23, tzinfo=UTC))


def test_a_refusal_survives_a_restart(tmp_path: Path, clock: SimulatedClock) -> None:
    path = tmp_path / "flightdata" / "restrictions.json"
    LearnedRestrictions("aviationstack", "a-key", clock, path).refused("timetable")
    again = LearnedRestrictions("aviationstack", "a-key", clock, path)
    assert "timetable" in again
    assert "flights" not in again


def test_another_key_begins_with_a_clean_sheet(tmp_path: Path, clock: SimulatedClock) -> None:
    path = tmp_path / "restrictions.json"
    LearnedRestrictions("aviationstack", "a-key", clock, path).refused("timetable")
    assert "timetable" not in LearnedRestrictions("aviationstack", "another", clock, path)


def test_plans_are_upgraded_so_a_refusal_is_forgotten(tmp_path: Path, clock: SimulatedClock) -> None:
    restrictions = LearnedRestrictions("aviationstack", "a-key", clock, tmp_path / "restrictions.json")
    restrictions.refused("timetable")
    clock.advance(REMEMBERED.total_seconds() - 1)
    assert "timetable" in restrictions
    clock.advance(2)
    assert "timetable" not in restrictions


@pytest.mark.parametrize("content", ["", "{", "[]", "7", '{"key": 7}', '{"refused": []}', "\x00\xff"])
def test_a_spoiled_file_is_learned_anew(tmp_path: Path, clock: SimulatedClock, content: str) -> None:
    path = tmp_path / "restrictions.json"
    path.write_text(content)
    restrictions = LearnedRestrictions("aviationstack", "a-key", clock, path)
    assert "timetable" not in restrictions
    restrictions.refused("timetable")
    assert "timetable" in LearnedRestrictions("aviationstack", "a-key", clock, path)


def test_a_folder_that_can_not_be_written_costs_only_the_memory(tmp_path: Path, clock: SimulatedClock) -> None:
    (tmp_path / "file").write_text("")
    restrictions = LearnedRestrictions("aviationstack", "a-key", clock, tmp_path / "file" / "restrictions.json")
    restrictions.refused("timetable")
    assert "timetable" in restrictions
