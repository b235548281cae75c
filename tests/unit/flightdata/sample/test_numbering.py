"""Flight numbers come in blocks that never overlap, around the pinned ones."""

from __future__ import annotations

from itertools import combinations, pairwise

import pytest

from services.flightdata.sample.network import Service
from services.flightdata.sample.numbering import FIRST, LAST, Numbering

pytestmark = pytest.mark.unit

AIRPORTS = ["AAA", "BBB", "CCC", "DDD", "DEL", "JFK", "MAA"]


def _services(carrier: str, slots: int = 3) -> list[Service]:
    return [Service(carrier, pair, slots) for pair in combinations(AIRPORTS, 2)]


def test_numbers_of_a_carrier_never_overlap() -> None:
    services = _services("ZZ")
    numbering = Numbering(services, "seed")
    numbers = sorted(
        designator.number
        for s in services
        for origin in s.pair
        for designator in numbering.designators(s, origin)
    )
    assert len(numbers) == len(set(numbers)) == 2 * 3 * len(services)
    assert all(FIRST <= number <= LAST for number in numbers)


def test_pinned_numbers_keep_their_route_and_others_go_around_them() -> None:
    services = _services("AI", slots=60)
    numbering = Numbering(services, "seed")
    pinned = numbering.designator("AI", 542)
    assert pinned
    assert (pinned.origin, pinned.destination, pinned.slot) == ("MAA", "DEL", 0)
    seen = [
        (designator.number, designator.origin)
        for s in services
        for origin in s.pair
        for designator in numbering.designators(s, origin)
    ]
    assert len({number for number, _ in seen}) == len(seen)


def test_the_way_back_has_the_next_number() -> None:
    services = _services("ZZ")
    numbering = Numbering(services, "seed")
    for service in services:
        there, back = (numbering.designators(service, origin) for origin in service.pair)
        assert all(abs(a.number - b.number) == 1 for a, b in zip(there, back, strict=True))
        assert all(a.destination == b.origin for a, b in zip(there, back, strict=True))
        assert all(b.number - a.number == 2 for a, b in pairwise(there))


@pytest.mark.parametrize(
    ("carrier", "number"), [("ZZ", 0), ("ZZ", 100), ("ZZ", 9999), ("YY", 101), ("ZZ", -5)]
)
def test_unused_numbers_have_no_line(carrier: str, number: int) -> None:
    assert Numbering(_services("ZZ"), "seed").designator(carrier, number) is None


def test_a_carrier_with_more_flights_than_numbers_is_refused() -> None:
    with pytest.raises(ValueError, match="more flights than numbers"):
        Numbering(_services("ZZ", slots=400), "seed")


def test_another_seed_deals_other_numbers() -> None:
    services = _services("ZZ")
    dealt = [
        [Numbering(services, seed).designators(s, s.pair[0])[0].number for s in services]
        for seed in ("one", "two")
    ]
    assert dealt[0] != dealt[1]
    assert sorted((n - FIRST) // 6 for n in dealt[0]) == sorted((n - FIRST) // 6 for n in dealt[1])
