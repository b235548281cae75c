"""What is held ready beside the shelf is bounded, by count and by bytes, and is what lies on the shelf."""

from __future__ import annotations

import random
from datetime import UTC, datetime, timedelta

import pytest

from services.flightdata.caching import records
from services.flightdata.caching.entries import StatusEntry
from services.flightdata.caching.freshness import Freshness, Kind
from services.flightdata.caching.records import Records
from services.flightdata.caching.store import MemoryShelf
from services.flightdata.model.flights import FlightStatus, Provenance, Segment, State, Stop
from services.flightdata.model.instants import Instant
from tests.simulated_clock import SimulatedClock

pytestmark = pytest.mark.unit

NOW = datetime(2026, 11, 23, 12, tzinfo=UTC)
HOURS = Freshness(status=timedelta(hours=9))


@pytest.fixture
def shelf() -> MemoryShelf:
    """As large as ever."""
    return MemoryShelf(SimulatedClock(NOW))


@pytest.fixture
def kept(shelf: MemoryShelf) -> Records:
    """Over the shelf."""
    return Records(shelf, HOURS)


def _entry(remark: str = "") -> StatusEntry:
    leaves = Instant.of(NOW, "Asia/Kolkata")
    segment = Segment(
        "AI", "Air India", "AI542", Stop("MAA", "", leaves), Stop("DEL", "", leaves.later(timedelta(hours=3)))
    )
    said = Provenance("aviationstack", NOW)
    status = FlightStatus(
        segment, NOW.date(), State.ON_TIME, None, None, timedelta(), said, vendor_state=remark
    )
    return StatusEntry((status,), "aviationstack", NOW)


async def _kept_and_read(kept: Records, name: str, remark: str = "") -> None:
    await kept.keep(name, Kind.STATUS, _entry(remark), empty=False)
    assert await kept.good(name, StatusEntry)


async def test_answers_held_ready_are_bounded_by_their_bytes(
    kept: Records, shelf: MemoryShelf, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(records, "MOST_DECODED_BYTES", 10_000)
    dice = random.Random(1)
    for number in range(30):
        await _kept_and_read(kept, str(number), dice.randbytes(900).hex())
    held = sum(len(packed) for packed, _ in kept._decoded._held.values())
    assert 0 < held == kept._decoded._bytes <= 10_000
    assert shelf.bytes > 10_000, "and the shelf still has them all"
    assert await kept.good("0", StatusEntry)


async def test_answers_held_ready_are_bounded_by_their_number(
    kept: Records, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(records, "MOST_DECODED", 4)
    for number in range(9):
        await _kept_and_read(kept, str(number))
    assert list(kept._decoded._held) == ["5", "6", "7", "8"]


async def test_what_is_read_twice_is_the_same_object_until_another_answer_lies_there(kept: Records) -> None:
    await _kept_and_read(kept, "a")
    first = await kept.good("a", StatusEntry)
    assert await kept.good("a", StatusEntry) is first
    await _kept_and_read(kept, "a", "another")
    assert await kept.good("a", StatusEntry) is not first
    assert len(kept._decoded._held) == 1


async def test_nothing_is_held_of_what_the_shelf_has_dropped() -> None:
    clock = SimulatedClock(NOW)
    kept = Records(MemoryShelf(clock), HOURS)
    await _kept_and_read(kept, "a")
    clock.advance(HOURS.kept_for(Kind.STATUS).total_seconds())
    assert await kept.good("a", StatusEntry) is None
    assert (kept._decoded._bytes, len(kept._decoded._held)) == (0, 0)
