"""A flight and its codeshares become one record under the operator's number."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import permutations

import pytest

from services.flightdata.model.flights import Operator
from services.flightdata.model.instants import Instant
from services.flightdata.vendors.codeshares import collapse
from services.flightdata.vendors.flight_state import Movement
from services.flightdata.vendors.legs import End, Leg

pytestmark = pytest.mark.unit

LEAVES = Instant.of(datetime(2026, 11, 23, 5, tzinfo=UTC), "Asia/Tokyo")
JAL = Operator("JL", "Japan Airlines", "JL3798")


def _leg(flight: str, operator: Operator | None = None, leaves: Instant = LEAVES, gate: str = "") -> Leg:
    departure = End("TKN", "Tokunoshima", "Asia/Tokyo", Movement(leaves), gate=gate)
    arrival = End("KOJ", "Kagoshima", "Asia/Tokyo", Movement(leaves.later(timedelta(hours=1))))
    return Leg(flight[:2], "a carrier", flight, departure, arrival, operator=operator)


def test_codeshares_become_numbers_of_the_flight_they_are() -> None:
    (flown,) = collapse([_leg("NH4354", JAL), _leg("JL3798"), _leg("HA5555", JAL)])
    assert (flown.flight, flown.operator, flown.also_sold_as) == ("JL3798", None, ("HA5555", "NH4354"))


def test_a_withheld_operating_flight_is_made_up() -> None:
    (flown,) = collapse([_leg("NH4354", JAL)])
    assert (flown.flight, flown.carrier_code, flown.carrier, flown.operator, flown.also_sold_as) == (
        "JL3798",
        "JL",
        "Japan Airlines",
        None,
        ("NH4354",),
    )


def test_the_order_of_rows_makes_no_difference() -> None:
    rows = [_leg("NH4354", JAL, gate="5"), _leg("JL3798"), _leg("HA5555", JAL), _leg("JL3800")]
    outcomes = {
        tuple(sorted((leg.flight, leg.also_sold_as, leg.departure.gate) for leg in collapse(order)))
        for order in permutations(rows)
    }
    assert outcomes == {(("JL3798", ("HA5555", "NH4354"), "5"), ("JL3800", (), ""))}


def test_the_same_number_on_another_day_or_from_another_airport_is_another_flight() -> None:
    tomorrow = _leg("JL3798", leaves=LEAVES.later(timedelta(days=1)))
    elsewhere = replace(_leg("JL3798"), departure=replace(_leg("JL3798").departure, airport="OKA"))
    assert len(collapse([_leg("JL3798"), tomorrow, elsewhere])) == 3


def test_fields_of_a_codeshares_row_are_kept() -> None:
    (flown,) = collapse([_leg("JL3798"), _leg("NH4354", JAL, gate="7")])
    assert flown.departure.gate == "7"
    late = replace(
        _leg("NH4354", JAL),
        departure=End("TKN", "", "Asia/Tokyo", Movement(LEAVES, delay=timedelta(minutes=20))),
    )
    (flown,) = collapse([_leg("JL3798"), late])
    assert flown.departure.movement.delay == timedelta(minutes=20)


def test_an_operator_without_a_number_stays_a_flight_of_its_own() -> None:
    nameless = Operator("", "Somebody", "")
    assert [leg.flight for leg in collapse([_leg("AA1", nameless), _leg("BA2", nameless)])] == ["AA1", "BA2"]
