"""The legs that a request means are selected."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

import pytest

from services.flightdata.errors import FlightNotFound
from services.flightdata.model.flights import Provenance
from services.flightdata.model.instants import Instant
from services.flightdata.model.queries import FlightQuery
from services.flightdata.vendors.flight_state import Movement
from services.flightdata.vendors.leg_selection import nonstops, on_day, require_found, statuses
from services.flightdata.vendors.legs import End, Leg

pytestmark = pytest.mark.unit

NOW = datetime(2026, 11, 23, 20, tzinfo=UTC)
"""01:30 on the 24th in India."""
TODAY = date(2026, 11, 24)
PROVENANCE = Provenance("somebody", NOW)


def _leg(
    hours: float, *, flight: str = "AI542", word: str = "scheduled", actual: bool = False, delay: int = 0
) -> Leg:
    leaves = Instant.of(NOW + timedelta(hours=hours), "Asia/Kolkata")
    moved = Movement(leaves, actual=leaves if actual else None, delay=timedelta(minutes=delay) or None)
    departure = End("MAA", "Chennai", "Asia/Kolkata", moved)
    arrival = End("DEL", "Delhi", "Asia/Kolkata", Movement(leaves.later(timedelta(hours=2, minutes=45))))
    return Leg("AI", "Air India", flight, departure, arrival, vendor_state=word, kilometres=1760)


def test_without_a_day_it_is_today_at_the_departure() -> None:
    yesterday, today = _leg(-18), _leg(6)
    assert on_day([today, yesterday], None, NOW) == [today]
    assert on_day([today, yesterday], date(2026, 11, 23), NOW) == [yesterday]


def test_without_one_today_it_is_the_nearest_day_and_not_a_far_one() -> None:
    assert on_day([_leg(-30), _leg(30)], None, NOW) != []
    assert on_day([_leg(60)], None, NOW) == []


def test_legs_of_one_day_stay_together_in_order() -> None:
    second, first = _leg(9), _leg(3)
    assert on_day([second, first], None, NOW) == [first, second]


def test_a_leg_without_times_is_skipped() -> None:
    timeless = Leg(
        "AI",
        "",
        "AI1",
        End("MAA", "", "Asia/Kolkata", Movement()),
        End("DEL", "", "Asia/Kolkata", Movement()),
    )
    assert on_day([timeless], None, NOW) == []
    assert statuses([timeless], NOW, PROVENANCE) == []


@pytest.mark.parametrize(
    ("leg", "offered"),
    [
        (_leg(6), True),
        (_leg(-1), False),
        (_leg(-1, delay=90), True),
        (_leg(6, word="cancelled"), False),
        (_leg(-1, actual=True, delay=90), False),
        (_leg(6, word="diverted"), False),
    ],
)
def test_only_flights_yet_to_depart_are_found(leg: Leg, offered: bool) -> None:
    itineraries = nonstops([leg], FlightQuery(("MAA",), ("DEL",), TODAY), NOW, PROVENANCE)
    assert bool(itineraries) is offered
    assert all(i.id == "somebody:AI542:MAA:2026-11-24" for i in itineraries)


def test_another_place_or_day_is_not_found() -> None:
    assert nonstops([_leg(6)], FlightQuery(("MAA",), ("BOM",), TODAY), NOW, PROVENANCE) == []
    assert (
        nonstops([_leg(6)], FlightQuery(("MAA",), ("DEL",), TODAY + timedelta(days=1)), NOW, PROVENANCE) == []
    )


def test_nothing_found_is_a_flight_not_found() -> None:
    with pytest.raises(FlightNotFound, match="on Tuesday, 24 November 2026"):
        require_found("AI542", "somebody", TODAY, [])
    result = statuses([_leg(6)], NOW, PROVENANCE)
    assert require_found("AI542", "somebody", TODAY, result) == result
