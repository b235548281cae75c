"""Packed values are compact, and are unpacked unchanged or not at all."""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass, fields, replace
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from enum import Enum
from functools import cache
from types import NoneType, UnionType
from typing import Any, Union, get_args, get_origin, get_type_hints

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from services.flightdata.caching.packing import NotReadable, Packer
from services.flightdata.caching.stored_answers import FAILURES, FailedAnswer, mark_cached
from services.flightdata.errors import (
    FlightNotFound,
    FlightsQuotaExhausted,
    FlightsRestricted,
    FlightsUnavailable,
)
from services.flightdata.model.flights import FlightStatus, Provenance
from services.flightdata.model.search_results import Found
from services.flightdata.providers.routing import Answered
from services.flightdata.sample.provider import SampleTimetable
from tests.simulated_clock import SimulatedClock
from tests.unit.flightdata.conftest import pair_query

pytestmark = pytest.mark.unit
SEARCH, STATUS = Answered[Found], Answered[Sequence[FlightStatus]]


async def test_a_search_and_a_status_survive_packing(
    timetable: SampleTimetable, clock: SimulatedClock
) -> None:
    found = await timetable.search(pair_query("MAA", "DEL", clock.now().date() + timedelta(days=1)))
    statuses = await timetable.route_status("MAA", "DEL", clock.now().date())
    provenance = Provenance("a", clock.now())
    for shape, value in ((SEARCH, found), (STATUS, statuses)):
        packer = Packer(shape)
        packed = packer.pack(Answered(value, provenance))
        again = packer.unpack(packed)
        assert packer.pack(again) == packed
        assert again.provenance == provenance
    again_found = Packer(SEARCH).unpack(Packer(SEARCH).pack(Answered(found, provenance))).value
    assert [i.id for i in again_found.itineraries] == [i.id for i in found.itineraries]
    assert tuple(again.value) == tuple(statuses)


_SIMPLE: dict[Any, st.SearchStrategy[Any]] = {
    str: st.text(max_size=8),
    int: st.integers(-1000, 10**6),
    bool: st.booleans(),
    Decimal: st.decimals("0.01", "9999999.99", places=2),
    date: st.dates(),
    datetime: st.datetimes(datetime(2000, 1, 1), datetime(2100, 1, 1), timezones=st.just(UTC)),
    timedelta: st.timedeltas(timedelta(days=-2), timedelta(days=400)),
}


@cache
def _any(kind: Any) -> st.SearchStrategy[Any]:
    """A strategy for any value of a type; fields are drawn by their declared types."""
    if kind in _SIMPLE:
        return _SIMPLE[kind]
    origin, arguments = get_origin(kind), get_args(kind)
    if origin in {Union, UnionType}:
        return st.none() | _any(next(part for part in arguments if part is not NoneType))
    if origin in {Sequence, tuple}:
        return st.lists(_any(arguments[0]), max_size=2).map(tuple)
    if origin is frozenset:
        return st.frozensets(_any(arguments[0]))
    if issubclass(kind, Enum):
        return st.sampled_from(kind)
    hints = get_type_hints(kind)
    return st.builds(kind, **{field.name: _any(hints[field.name]) for field in fields(kind)})


@settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.builds(Answered, _any(Found), _any(Provenance)))
def test_every_field_of_a_stored_search_survives(answer: Answered[Found]) -> None:
    packer = Packer(SEARCH)
    assert packer.unpack(packer.pack(answer)) == answer


@settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.builds(Answered, _any(Sequence[FlightStatus]), _any(Provenance)))
def test_every_field_of_a_stored_status_survives(answer: Answered[Sequence[FlightStatus]]) -> None:
    packer = Packer(STATUS)
    assert packer.unpack(packer.pack(answer)) == answer


@settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(_any(Found))
def test_a_cached_search_holds_everything_of_the_original(found: Found) -> None:
    again = mark_cached(found)
    assert {field.name for field in fields(Found)} == {"itineraries", "offers", "limits", "round_trips"}
    assert (again.limits, again.round_trips) == (found.limits, found.round_trips)
    assert again.itineraries == tuple(
        replace(i, provenance=replace(i.provenance, cached=True)) for i in found.itineraries
    )
    assert again.offers == tuple(
        replace(o, provenance=replace(o.provenance, cached=True)) for o in found.offers
    )


async def test_a_packed_itinerary_is_small(timetable: SampleTimetable, clock: SimulatedClock) -> None:
    found = await timetable.search(pair_query("MAA", "DEL", clock.now().date() + timedelta(days=1)))
    packed = Packer(SEARCH).pack(Answered(found, Provenance("a", clock.now())))
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
def test_corrupt_bytes_are_refused(spoiled: bytes) -> None:
    packer = Packer(FailedAnswer)
    whole = packer.pack(FailedAnswer(0, "m", ("a",), ("b",), None))
    for bytes_ in (spoiled, whole[:4] + spoiled, whole[: random.Random(len(spoiled)).randrange(len(whole))]):
        with pytest.raises(NotReadable):
            packer.unpack(bytes_)


def test_an_unsupported_type_is_refused_when_the_packer_is_made() -> None:
    with pytest.raises(TypeError):
        Packer(dict[str, str])


@pytest.mark.parametrize(
    "error",
    [
        FlightNotFound("AI1", "unknown"),
        FlightsUnavailable({"a": "unavailable"}, retry_after=timedelta(seconds=7)),
        FlightsQuotaExhausted(
            {"a": "QUOTA_EXHAUSTED"},
            renews=datetime(2026, 12, 1, tzinfo=UTC),
            now=datetime(2026, 11, 30, tzinfo=UTC),
        ),
        FlightsRestricted({"a": "restricted"}),
    ],
)
def test_a_failure_survives_packing(error: FlightNotFound) -> None:
    packer = Packer(FailedAnswer)
    again = packer.unpack(packer.pack(FailedAnswer.of(error))).error()
    assert (type(again), str(again), again.metadata, again.retry_after) == (
        type(error),
        str(error),
        error.metadata,
        error.retry_after,
    )
    assert type(error) in FAILURES


async def test_every_cached_record_says_that_it_is_cached(
    timetable: SampleTimetable, clock: SimulatedClock
) -> None:
    found = mark_cached(
        await timetable.search(pair_query("MAA", "DEL", clock.now().date() + timedelta(days=1)))
    )
    assert all(record.provenance.cached for record in (*found.itineraries, *found.offers))
    assert all(
        status.provenance.cached
        for status in mark_cached(await timetable.route_status("MAA", "DEL", clock.now().date()))
    )
