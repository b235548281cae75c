"""Connections are feasible, repeat no airport, and aren't dominated by another."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from services.flightdata.places import load
from services.flightdata.sample.connections import (
    ACROSS_BORDER,
    ANOTHER_AIRPORT,
    ANOTHER_CARRIER,
    LONGEST_LAYOVER,
    MOST,
    WITHIN_COUNTRY,
    ConnectionRules,
    Hop,
    connect,
    worthwhile,
)

pytestmark = pytest.mark.unit

RULES = ConnectionRules(load().airports)
AIRPORTS = ("MAA", "BLR", "DXB", "LHR", "LGW", "JFK")


def _hop(origin: str, destination: str, leaves: int, arrives: int, carrier: str = "AI") -> Hop[str]:
    return Hop(origin, destination, leaves, arrives, carrier, f"{carrier}{leaves}")


@st.composite
def hops(draw: st.DrawFn) -> list[Hop[str]]:
    """Generate flights between a few airports over two days."""
    found = []
    for _ in range(draw(st.integers(0, 14))):
        one, other = draw(st.permutations(AIRPORTS))[:2]
        leaves, minutes = draw(st.integers(0, 2880)), draw(st.integers(40, 700))
        found.append(_hop(one, other, leaves, leaves + minutes, draw(st.sampled_from(("AI", "EK", "BA")))))
    return found


@settings(max_examples=200, deadline=None)
@given(st.lists(hops(), min_size=2, max_size=3), st.booleans())
def test_every_change_can_be_made_and_none_takes_too_long(
    stages: list[list[Hop[str]]], change_airports: bool
) -> None:
    for chain in connect(stages, RULES, change_airports=change_airports):
        assert len(chain) == len(stages)
        for arriving, leaving in pairwise(chain):
            assert (
                arriving.arrives + RULES.minutes(arriving, leaving)
                <= leaving.leaves
                <= arriving.arrives + LONGEST_LAYOVER
            )
            assert RULES.city(arriving.destination) == RULES.city(leaving.origin)
            assert change_airports or arriving.destination == leaving.origin
        departed = [hop.origin for hop in chain]
        assert chain[-1].destination not in departed


@settings(max_examples=100, deadline=None)
@given(hops(), hops())
def test_a_first_flight_makes_at_most_one_connection(first: list[Hop[str]], second: list[Hop[str]]) -> None:
    assert len(connect([first, second], RULES)) <= len(first)


@settings(max_examples=100, deadline=None)
@given(hops(), hops(), hops())
def test_no_connection_is_dominated_by_a_feasible_one(
    first: list[Hop[str]], second: list[Hop[str]], nonstop: list[Hop[str]]
) -> None:
    chains = connect([first, second], RULES)
    result = worthwhile(chains, nonstop)
    assert len(result) <= MOST
    assert [chain[0].leaves for chain in result] == sorted(chain[0].leaves for chain in result)
    for chain in result:
        assert not any(hop.leaves >= chain[0].leaves and hop.arrives <= chain[-1].arrives for hop in nonstop)
        rivals = [other for other in result if other is not chain]
        assert not any(
            other[0].leaves >= chain[0].leaves and other[-1].arrives <= chain[-1].arrives for other in rivals
        )


def test_the_same_carrier_is_preferred_to_an_earlier_flight_of_another() -> None:
    first = _hop("MAA", "DXB", 0, 240, "EK")
    second = [_hop("DXB", "LHR", 400, 800, "BA"), _hop("DXB", "LHR", 500, 900, "EK")]
    ((_, onward),) = connect([[first], second], RULES)
    assert onward.carrier == "EK"
    ((_, other),) = connect([[first], second[:1]], RULES)
    assert other.carrier == "BA"


@pytest.mark.parametrize(
    ("arriving", "leaving", "minutes"),
    [
        (_hop("MAA", "BLR", 0, 60), _hop("BLR", "DEL", 200, 300), WITHIN_COUNTRY),
        (_hop("MAA", "BLR", 0, 60), _hop("BLR", "LHR", 200, 900), ACROSS_BORDER),
        (_hop("MAA", "LHR", 0, 600), _hop("LHR", "EDI", 900, 980, "BA"), ACROSS_BORDER + ANOTHER_CARRIER),
        (_hop("MAA", "LHR", 0, 600), _hop("LGW", "JFK", 900, 1400), ACROSS_BORDER + ANOTHER_AIRPORT),
    ],
    ids=["in a country", "over a border", "to another carrier", "across a city"],
)
def test_a_change_takes_its_time(arriving: Hop[str], leaving: Hop[str], minutes: int) -> None:
    assert RULES.minutes(arriving, leaving) == minutes


def test_a_minute_too_late_is_missed() -> None:
    first = _hop("MAA", "BLR", 0, 60)
    assert connect([[first], [_hop("BLR", "DEL", 60 + WITHIN_COUNTRY, 300)]], RULES)
    assert not connect([[first], [_hop("BLR", "DEL", 59 + WITHIN_COUNTRY, 300)]], RULES)


def test_airports_of_one_city_are_changed_between_only_when_that_is_wanted() -> None:
    stages = [[_hop("MAA", "LHR", 0, 600)], [_hop("LGW", "JFK", 900, 1400)]]
    assert not connect(stages, RULES)
    assert connect(stages, RULES, change_airports=True)
