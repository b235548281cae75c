"""A key's restrictions survive restarts, are shared by replicas, and expire after some days."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from services.flightdata.quota.store import MemoryQuotaStore
from services.flightdata.vendors.learned_restrictions import REMEMBERED, LearnedRestrictions, fingerprint
from tests.simulated_clock import SimulatedClock

pytestmark = pytest.mark.unit


@pytest.fixture
def clock() -> SimulatedClock:
    """A clock on an arbitrary day."""
    return SimulatedClock(datetime(2026, 11, 23, tzinfo=UTC))


async def test_a_refusal_survives_a_restart(tmp_path: Path, clock: SimulatedClock) -> None:
    path = tmp_path / "flightdata" / "ledger.json"
    await LearnedRestrictions("aviationstack", "a-key", clock, MemoryQuotaStore(clock, path)).add("timetable")
    again = LearnedRestrictions("aviationstack", "a-key", clock, MemoryQuotaStore(clock, path))
    await again.refresh()
    assert "timetable" in again
    assert "flights" not in again


async def test_a_replica_merges_other_refusals_with_its_own(clock: SimulatedClock) -> None:
    store = MemoryQuotaStore(clock)
    one, other = (LearnedRestrictions("aviationstack", "a-key", clock, store) for _ in range(2))
    await other.add("flights by route")
    await one.refresh()
    await one.add("timetable")
    clock.advance(2)
    await other.refresh()
    assert "timetable" in other
    assert "flights by route" in other
    assert "flights by route" in one


async def test_two_refusals_at_once_are_both_remembered(clock: SimulatedClock) -> None:
    store = MemoryQuotaStore(clock)
    one, other, third = (LearnedRestrictions("aviationstack", "a-key", clock, store) for _ in range(3))
    await one.add("timetable")
    await other.add("flights by route")
    await third.refresh()
    assert "timetable" in third
    assert "flights by route" in third


async def test_another_key_begins_with_a_clean_sheet(clock: SimulatedClock) -> None:
    store = MemoryQuotaStore(clock)
    await LearnedRestrictions("aviationstack", "a-key", clock, store).add("timetable")
    another = LearnedRestrictions("aviationstack", "another", clock, store)
    await another.refresh()
    assert "timetable" not in another


async def test_plans_are_upgraded_so_a_refusal_is_forgotten(clock: SimulatedClock) -> None:
    restrictions = LearnedRestrictions("aviationstack", "a-key", clock, MemoryQuotaStore(clock))
    await restrictions.add("timetable")
    clock.advance(REMEMBERED.total_seconds() - 1)
    assert "timetable" in restrictions
    clock.advance(2)
    assert "timetable" not in restrictions


@pytest.mark.parametrize("content", ["", "{", "[]", "7", "null", '"soon"', '"2026-12-01"'])
async def test_a_corrupt_shared_fact_is_ignored(clock: SimulatedClock, content: str) -> None:
    store = MemoryQuotaStore(clock)
    name = f"restrictions:aviationstack:{fingerprint('aviationstack', 'a-key')}"
    await store.set_fact(name, "timetable", content, timedelta(days=1))
    restrictions = LearnedRestrictions("aviationstack", "a-key", clock, store)
    await restrictions.refresh()
    assert "timetable" not in restrictions
    await restrictions.add("timetable")
    assert (
        datetime.fromisoformat(json.loads((await store.facts(name))["timetable"])) == clock.now() + REMEMBERED
    )


async def test_without_a_ledger_this_process_remembers(clock: SimulatedClock) -> None:
    restrictions = LearnedRestrictions("aviationstack", "a-key", clock)
    await restrictions.add("timetable")
    await restrictions.refresh()
    assert "timetable" in restrictions
