"""Connections: flights put together where one arrives in time for the next.

Any flights will do, a timetable's or a vendor's nonstop rows, once they are *hops*. At each change the soonest flight that can be caught is
taken, of the same carrier if there is one, so a search over `n` first flights gives at most `n` connections.
"""

from __future__ import annotations

from bisect import bisect_left
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar

from services.flightdata.places import Airport

T = TypeVar("T")

WITHIN_COUNTRY, ACROSS_BORDER, ANOTHER_CARRIER, ANOTHER_AIRPORT = 50, 90, 45, 150
"""Minutes needed: between flights of one country, with a border to cross, and beyond them for bags to change hands and to cross a city.

Near the industry's common defaults (an hour within a country, an hour and a half across a border); airports publish their own.
"""
LONGEST_LAYOVER, LONGEST_RESORT = 8 * 60, 20 * 60
"""Minutes on the ground that people put up with, and that they do when there is no other way."""
MOST = 12
"""Connections worth telling between two airports on a day."""


@dataclass(frozen=True, slots=True)
class Hop(Generic[T]):
    """A flight as far as connecting goes; times are minutes since 1970 (UTC), `flight` is what it stands for."""

    origin: str
    destination: str
    leaves: int
    arrives: int
    carrier: str
    flight: T


Chain = tuple[Hop[T], ...]


class ConnectionRules:
    """Which flights meet: how long a change takes, and at which airports of one city it may be made."""

    def __init__(self, airports: Mapping[str, Airport]) -> None:
        """`airports` by code."""
        self._airports = airports

    def minutes(self, arriving: Hop[T], leaving: Hop[T]) -> int:
        """How long the change between two flights takes at least, in minutes. Their airports must be known ones of one city."""
        country = self._airports[leaving.origin].country_code
        abroad = {self._airports[end].country_code for end in (arriving.origin, leaving.destination)} != {
            country
        }
        least = ACROSS_BORDER if abroad else WITHIN_COUNTRY
        least += ANOTHER_CARRIER if arriving.carrier != leaving.carrier else 0
        return least + (ANOTHER_AIRPORT if arriving.destination != leaving.origin else 0)

    def city(self, airport: str) -> str:
        """Code of the city in which one may change from airport to airport."""
        return self._airports[airport].metro


def connect(
    stages: Sequence[Iterable[Hop[T]]],
    rules: ConnectionRules,
    *,
    longest: int = LONGEST_LAYOVER,
    change_airports: bool = False,
) -> list[Chain[T]]:
    """Chains of one hop from each stage, in the order of the first stage; an airport is visited once."""
    chains: list[Chain[T]] = [(hop,) for hop in stages[0]]
    for stage in stages[1:]:
        onward = _by_place(stage, rules, change_airports=change_airports)
        chains = [
            longer
            for chain in chains
            if (longer := _extended(chain, onward, rules, longest, change_airports=change_airports))
        ]
    return chains


def _by_place(
    stage: Iterable[Hop[T]], rules: ConnectionRules, *, change_airports: bool
) -> dict[str, list[Hop[T]]]:
    """Hops by where they leave from, in the order they leave."""
    found: dict[str, list[Hop[T]]] = defaultdict(list)
    for hop in stage:
        found[rules.city(hop.origin) if change_airports else hop.origin].append(hop)
    for hops in found.values():
        hops.sort(key=lambda hop: hop.leaves)
    return found


def _extended(
    chain: Chain[T],
    onward: Mapping[str, Sequence[Hop[T]]],
    rules: ConnectionRules,
    longest: int,
    *,
    change_airports: bool,
) -> Chain[T] | None:
    last = chain[-1]
    hops = onward.get(rules.city(last.destination) if change_airports else last.destination, ())
    visited = {hop.origin for hop in chain}
    start = bisect_left(hops, last.arrives + WITHIN_COUNTRY, key=lambda hop: hop.leaves)
    other: Hop[T] | None = None
    for hop in hops[start:]:
        if hop.leaves > last.arrives + longest:
            break
        if hop.destination in visited or hop.leaves < last.arrives + rules.minutes(last, hop):
            continue
        if hop.carrier == last.carrier:
            return (*chain, hop)
        other = other or hop
    return (*chain, other) if other else None


def worth_telling(chains: Iterable[Chain[T]], nonstop: Iterable[Hop[T]] = ()) -> list[Chain[T]]:
    """Chains that no other and no nonstop flight beats by leaving no earlier and arriving no later; the shortest `MOST`, as they leave."""
    kept: list[Chain[T]] = []
    soonest: int | None = None
    for arrives, chain in _latest_first(chains, nonstop):
        if soonest is not None and arrives >= soonest:
            continue
        soonest = arrives
        if chain:
            kept.append(chain)
    kept.sort(key=lambda chain: (chain[-1].arrives - chain[0].leaves, chain[0].leaves))
    return sorted(kept[:MOST], key=lambda chain: chain[0].leaves)


def _latest_first(chains: Iterable[Chain[T]], nonstop: Iterable[Hop[T]]) -> Iterator[tuple[int, Chain[T]]]:
    """(arrives, chain) of all, the latest to leave first and then the first to arrive; nonstop flights have no chain."""
    direct: list[tuple[int, int, Chain[T]]] = [(hop.leaves, hop.arrives, ()) for hop in nonstop]
    built = [(chain[0].leaves, chain[-1].arrives, chain) for chain in chains]
    for _, arrives, chain in sorted(
        [*direct, *built], key=lambda entry: (-entry[0], entry[1], len(entry[2]))
    ):
        yield arrives, chain
