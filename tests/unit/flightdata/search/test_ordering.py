"""Filters and orders of itineraries with and without prices, stops and nights."""

from __future__ import annotations

from datetime import UTC, datetime, time, timedelta
from decimal import Decimal

import pytest

from services.flightdata.model.fares import Cabin, Fare, Money
from services.flightdata.model.flights import Endpoint, Itinerary, Operator, Provenance, Segment, is_overnight
from services.flightdata.model.instants import Instant
from services.flightdata.model.queries import Filters, FlightQuery, Party, Sort, Window
from services.flightdata.search.ordering import ordered
from services.flightdata.wire.messages import itinerary as itinerary_message

pytestmark = pytest.mark.unit

ZONE = "Asia/Kolkata"
SAID = Provenance("somebody", datetime(2026, 11, 23, 4, tzinfo=UTC))
MORNING = Instant.of(datetime(2026, 11, 24, 2, 30, tzinfo=UTC), ZONE)
"""Eight o'clock in India."""


def _segment(
    flight: str,
    leaves: Instant,
    minutes: int,
    ends: tuple[str, str] = ("MAA", "DEL"),
    operator: Operator | None = None,
) -> Segment:
    stops = Endpoint(ends[0], "", leaves), Endpoint(ends[1], "", leaves.later(timedelta(minutes=minutes)))
    return Segment(flight[:2], "", flight, *stops, operator=operator)


def _itinerary(name: str, *segments: Segment, price: int | None = None) -> Itinerary:
    money = Money("INR", Decimal(price)) if price is not None else None
    return Itinerary(name, segments, Fare(money, money, Cabin.ECONOMY) if money else None, SAID)


def _later(hours: float) -> Instant:
    return MORNING.later(timedelta(hours=hours))


QUICK_DEAR = _itinerary("quick", _segment("AI1", _later(2), 150), price=9000)
SLOW_CHEAP = _itinerary(
    "slow",
    _segment("6E1", _later(0), 80, ("MAA", "BLR")),
    _segment("6E2", _later(9), 170, ("BLR", "DEL")),
    price=4000,
)
UNPRICED = _itinerary("unpriced", _segment("UK1", _later(1), 160))
BALANCED = _itinerary("balanced", _segment("QP1", _later(4), 165), price=4400)
ALL = [QUICK_DEAR, SLOW_CHEAP, UNPRICED, BALANCED]


@pytest.mark.parametrize(
    ("sort", "names"),
    [
        (Sort.EARLIEST, ["slow", "unpriced", "quick", "balanced"]),
        (Sort.LATEST, ["balanced", "quick", "unpriced", "slow"]),
        (Sort.ARRIVAL, ["unpriced", "quick", "balanced", "slow"]),
        (Sort.FASTEST, ["quick", "unpriced", "balanced", "slow"]),
        (Sort.CHEAPEST, ["slow", "balanced", "quick", "unpriced"]),
        (Sort.BEST, ["balanced", "unpriced", "quick", "slow"]),
    ],
)
def test_every_order_is_independent_of_the_input_order(sort: Sort, names: list[str]) -> None:
    assert [i.id for i in ordered(ALL, sort)] == names
    assert [i.id for i in ordered(ALL[::-1], sort)] == names


def test_without_prices_the_best_is_the_quickest() -> None:
    assert [
        i.id for i in ordered([UNPRICED, _itinerary("longer", _segment("UK2", _later(0), 200))], Sort.BEST)
    ] == ["unpriced", "longer"]
    assert ordered([], Sort.BEST) == []


@pytest.mark.parametrize(
    ("filters", "names"),
    [
        (Filters(max_stops=0), ["quick", "unpriced", "balanced"]),
        (Filters(max_stops=1), ["quick", "slow", "unpriced", "balanced"]),
        (Filters(arrives=Window(end=time(12))), ["unpriced"]),
        (Filters(arrives=Window(start=time(14))), ["slow", "balanced"]),
        (Filters(departs=Window(time(9), time(11))), ["quick", "unpriced"]),
        (Filters(carriers=frozenset({"6E"})), ["slow"]),
        (Filters(without_carriers=frozenset({"6E", "QP"})), ["quick", "unpriced"]),
    ],
)
def test_filters_keep_wanted_itineraries(filters: Filters, names: list[str]) -> None:
    assert [i.id for i in ALL if filters.admit(i)] == names


@pytest.mark.parametrize(
    ("leaves", "minutes", "departs", "arrives", "wanted"),
    [
        (time(22, 40), 120, Window(), Window(end=time(12)), False),  # at 00:40, but of the next day
        (time(9, 40), 120, Window(), Window(end=time(12)), True),
        (
            time(22, 40),
            120,
            Window(start=time(21)),
            Window(end=time(8)),
            True,
        ),  # a night flight was asked for
        (
            time(11),
            20 * 60,
            Window(),
            Window(end=time(12)),
            True,
        ),  # no flight arrives before noon of that day
        (time(22, 40), 120, Window(), Window(time(22), time(2)), True),
        (time(22, 40), 120, Window(), Window(time(0), time(6)), False),
    ],
)
def test_before_noon_means_noon_of_the_departure_day(
    leaves: time, minutes: int, departs: Window, arrives: Window, wanted: bool
) -> None:
    departure = Instant.of(datetime.combine(MORNING.local.date(), leaves, MORNING.local.tzinfo), ZONE)
    assert (
        Filters(departs=departs, arrives=arrives).admit(_itinerary("x", _segment("AI1", departure, minutes)))
        is wanted
    )


def test_an_unwanted_carrier_is_unwanted_as_operator_too() -> None:
    shared = _itinerary("shared", _segment("AF1", _later(0), 150, operator=Operator("DL", "Delta", "DL2")))
    assert Filters(carriers=frozenset({"AF"})).admit(shared)
    assert not Filters(without_carriers=frozenset({"DL"})).admit(shared)


@pytest.mark.parametrize(
    ("lands", "hours", "overnight"),
    [
        (time(22), 8, True),
        (time(23, 30), 3, False),
        (time(0, 30), 6, True),
        (time(2), 4, False),
        (time(9), 6, False),
        (time(9), 22, True),
    ],
)
def test_an_overnight_layover_is_marked(lands: time, hours: float, overnight: bool) -> None:
    arrival = Instant.of(datetime.combine(MORNING.local.date(), lands, MORNING.local.tzinfo), ZONE)
    first = _segment("6E1", arrival.later(timedelta(hours=-1)), 60, ("MAA", "BLR"))
    second = _segment("6E2", arrival.later(timedelta(hours=hours)), 170, ("BLR", "DEL"))
    assert is_overnight(first.arrival, second.departure) is overnight
    (layover,) = itinerary_message(_itinerary("x", first, second), MORNING.utc).layovers
    assert layover.overnight is overnight
    assert layover.duration.ToTimedelta() == timedelta(hours=hours)
    assert not layover.next_airport_code


def test_a_change_of_airport_names_the_next_airport() -> None:
    first = _segment("BA1", _later(0), 60, ("MAN", "LHR"))
    second = _segment("BA2", _later(4), 60, ("LGW", "FAO"))
    (layover,) = itinerary_message(_itinerary("x", first, second), MORNING.utc).layovers
    assert (layover.airport_code, layover.next_airport_code) == ("LHR", "LGW")
    assert not itinerary_message(QUICK_DEAR, MORNING.utc).layovers


def test_pairs_are_sorted_by_use() -> None:
    query = FlightQuery(("LHR", "LGW", "STN"), ("JFK", "EWR"), MORNING.local.date())
    assert query.pairs[:3] == [("LHR", "JFK"), ("LHR", "EWR"), ("LGW", "JFK")]
    assert len(query.pairs) == 6


def test_a_party_counts_everyone() -> None:
    assert Party(2, 1, 1).size == 4


def test_a_fare_of_both_ways_has_a_price_per_adult_only_if_both_have_one() -> None:
    one, two = Money("USD", Decimal(100)), Money("USD", Decimal(200))
    stated, total_only = Fare(two, one, Cabin.ECONOMY), Fare(two, None, Cabin.ECONOMY)
    assert (stated + stated).per_adult == two
    assert (stated + total_only).per_adult is None
