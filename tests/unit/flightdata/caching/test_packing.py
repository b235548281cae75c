"""Values come back as they were, compact, and never as something else."""

from __future__ import annotations

import random
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.flightdata.caching.entries import FAILURES, FailedEntry, FoundEntry, StatusEntry, told_again
from services.flightdata.caching.packing import NotReadable, Packer
from services.flightdata.errors import FlightNotFound, FlightsQuotaExhausted, FlightsRestricted, FlightsUnavailable
from services.flightdata.sample.provider import SampleTimetable
from tests.simulated_clock import SimulatedClock
from tests.unit.flightdata.conftest import pair_query

pytestmark = pytest.mark.unit


async def test_a_search_and_a_status_come_back_as_they_were(timetable: SampleTimetable, clock: SimulatedClock) -> None:
    found = await timetable.search(pair_query("MAA", "DEL", clock.now().date() + timedelta(days=1)))
    statuses = await timetable.route_status("MAA", "DEL", clock.now().date())
    for entry in (FoundEntry(found, "a", clock.now()), StatusEntry(statuses, "a", clock.now())):
        packer = Packer(type(entry))
        packed = packer.pack(entry)
        again = packer.unpack(packed)
        assert packer.pack(again) == packed
        assert again.fetched == entry.fetched
    assert [i.id for i in Packer(FoundEntry).unpack(Packer(FoundEntry).pack(FoundEntry(found, "a", clock.now()))).value.itineraries] == [
        i.id for i in found.itineraries
    ]
    assert tuple(again.value) == tuple(statuses)


async def test_an_itinerary_takes_little_room(timetable: SampleTimetable, clock: SimulatedClock) -> None:
    found = await timetable.search(pair_query("MAA", "DEL", clock.now().date() + timedelta(days=1)))
    packed = Packer(FoundEntry).pack(FoundEntry(found, "a", clock.now()))
    assert len(packed) / len(found.itineraries) < 400


@dataclass(frozen=True)
class _Old:
    name: str


@dataclass(frozen=True)
class _New:
    name: str
    age: int | None = None


def test_another_version_is_not_read() -> None:
    with pytest.raises(NotReadable):
        Packer(_New).unpack(Packer(_Old).pack(_Old("a")))


@given(st.binary(max_size=200))
def test_spoiled_bytes_are_refused_and_nothing_else_happens(spoiled: bytes) -> None:
    packer = Packer(FailedEntry)
    whole = packer.pack(FailedEntry(0, "m", ("a",), ("b",), None))
    for bytes_ in (spoiled, whole[:4] + spoiled, whole[: random.Random(len(spoiled)).randrange(len(whole))]):
        with pytest.raises(NotReadable):
            packer.unpack(bytes_)


def test_what_cannot_be_packed_is_known_at_once() -> None:
    with pytest.raises(TypeError):
        Packer(dict[str, str])


@pytest.mark.parametrize(
    "error",
    [
        FlightNotFound("AI1", "unknown"),
        FlightsUnavailable({"a": "unavailable"}, retry_after=timedelta(seconds=7)),
        FlightsQuotaExhausted({"a": "quota exhausted"}, until=datetime(2026, 12, 1, tzinfo=UTC)),
        FlightsRestricted({"a": "restricted"}),
    ],
)
def test_a_failure_is_raised_again_as_it_was(error: FlightNotFound) -> None:
    packer = Packer(FailedEntry)
    again = packer.unpack(packer.pack(FailedEntry.of(error))).error()
    assert (type(again), str(again), again.metadata, again.retry_after) == (type(error), str(error), error.metadata, error.retry_after)
    assert type(error) in FAILURES


async def test_what_is_told_again_says_so(timetable: SampleTimetable, clock: SimulatedClock) -> None:
    found = told_again(await timetable.search(pair_query("MAA", "DEL", clock.now().date() + timedelta(days=1))))
    assert all(record.provenance.cached for record in (*found.itineraries, *found.offers))
    assert all(status.provenance.cached for status in told_again(await timetable.route_status("MAA", "DEL", clock.now().date())))
