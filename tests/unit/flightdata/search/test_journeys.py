"""Legs are combined only if they can be caught, in the requested order; skipped combinations are reported."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from services.flightdata.model.fares import Cabin, Fare, Money
from services.flightdata.model.flights import Endpoint, Itinerary, Provenance, Segment
from services.flightdata.model.instants import Instant
from services.flightdata.model.queries import Sort
from services.flightdata.model.search_results import Journey
from services.flightdata.search.journeys import BETWEEN_LEGS, EACH_LEG, combined
from services.flightdata.search.ordering import in_order

pytestmark = pytest.mark.unit

BEGIN = datetime(2026, 12, 1, tzinfo=UTC)
SAID = Provenance("a-provider", BEGIN)


def _itinerary(
    leg: int, number: int, leaves: int, minutes: int, amount: int | None, currency: str = "INR"
) -> Itinerary:
    departs = BEGIN + timedelta(minutes=leaves)
    ends = (
        Endpoint("MAA", "Chennai", Instant.of(departs, "UTC")),
        Endpoint("DEL", "Delhi", Instant.of(departs + timedelta(minutes=minutes), "UTC")),
    )
    money = Money(currency, Decimal(amount)) if amount is not None else None
    fare = Fare(money, money, Cabin.ECONOMY) if money else None
    return Itinerary(
        f"{leg}-{number}", (Segment("AI", "Air India", f"AI{number}", *ends),), fare, SAID, leg=leg
    )


@st.composite
def legs(draw: st.DrawFn) -> list[list[Itinerary]]:
    """Two to four legs of a few itineraries, each leg's in the order they leave."""
    found = []
    for leg in range(draw(st.integers(2, 4))):
        rows = draw(
            st.lists(
                st.tuples(st.integers(0, 4000), st.integers(40, 900), st.none() | st.integers(1, 999)),
                max_size=15,
            )
        )
        found.append(
            [_itinerary(leg, number, *row) for number, row in enumerate(sorted(rows, key=lambda row: row[0]))]
        )
    return found


@settings(max_examples=150, deadline=None)
@given(legs(), st.sampled_from(list(Sort)))
def test_every_leg_can_be_caught_after_the_previous_one(held: list[list[Itinerary]], sort: Sort) -> None:
    found, _ = combined(held, sort)
    for journey in found:
        assert [itinerary.leg for itinerary in journey.itineraries] == list(range(len(held)))
        for before, after in pairwise(journey.itineraries):
            assert after.departure.at - before.arrival.at >= BETWEEN_LEGS
    assert len({tuple(i.id for i in journey.itineraries) for journey in found}) == len(found)


@settings(max_examples=80, deadline=None)
@given(legs())
def test_the_cheapest_come_first_and_those_without_a_price_last(held: list[list[Itinerary]]) -> None:
    found, _ = combined(held, Sort.CHEAPEST)
    priced = [journey.fare.total.amount for journey in found if journey.fare]
    assert priced == sorted(priced)
    assert [journey.fare is None for journey in found] == sorted(journey.fare is None for journey in found)


@settings(max_examples=80, deadline=None)
@given(legs())
def test_two_short_legs_are_combined_in_every_way(held: list[list[Itinerary]]) -> None:
    out, back = held[0][:EACH_LEG], held[1][:EACH_LEG]
    found, cut = combined([out, back], Sort.EARLIEST)
    assert not cut
    assert len(found) == sum(
        after.departure.at - before.arrival.at >= BETWEEN_LEGS for before in out for after in back
    )


def test_skipped_combinations_are_reported() -> None:
    many = [_itinerary(0, number, number, 60, 100) for number in range(EACH_LEG + 1)]
    found, cut = combined([many, [_itinerary(1, 0, 3000, 60, 100)]], Sort.EARLIEST)
    assert cut
    assert len(found) == EACH_LEG


def test_fares_add_up_in_one_currency_only() -> None:
    out, back = _itinerary(0, 0, 0, 60, 100), _itinerary(1, 0, 900, 60, 250)
    ((together,), _) = combined([[out], [back]], Sort.BEST)
    assert together.fare
    assert together.fare.total == Money("INR", Decimal(350))
    ((mixed,), _) = combined([[out], [_itinerary(1, 0, 900, 60, 250, "GBP")]], Sort.BEST)
    assert mixed.fare is None


def test_a_leg_without_flights_gives_no_journey() -> None:
    assert combined([[_itinerary(0, 0, 0, 60, 1)], []], Sort.FASTEST) == ([], False)


def test_the_best_of_journeys_in_order_weighs_their_price_and_their_time() -> None:
    fares = [
        Fare(money, money, Cabin.ECONOMY)
        for money in (Money("INR", Decimal(amount)) for amount in (9000, 9500, 30000))
    ]
    slow, fast, dear = (
        Journey((_itinerary(0, number, 0, minutes, None), _itinerary(1, number, 5000, minutes, None)), fare)
        for number, (minutes, fare) in enumerate(zip((1800, 300, 240), fares, strict=True))
    )
    legs = [[journey.itineraries[leg] for journey in (slow, fast, dear)] for leg in (0, 1)]
    assert in_order([slow, dear, fast], legs, Sort.BEST)[0] == fast
    assert in_order([slow, dear, fast], legs, Sort.CHEAPEST) == [slow, fast, dear]
    assert in_order([slow, dear, fast], legs, Sort.FASTEST) == [dear, fast, slow]
