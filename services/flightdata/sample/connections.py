"""Construction of connections from flights, which are called hops here.

At each change, a connection continues with the earliest flight that can be caught, of the same carrier if
possible. So a search with `n` first flights returns at most `n` connections.
"""

from __future__ import annotations

from bisect import bisect_left
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar

from services.flightdata.places import Airport

T = TypeVar("T")

WITHIN_COUNTRY, ACROSS_BORDER, ANOTHER_CARRIER, ANOTHER_AIRPORT = 50, 90, 45, 150
"""Minimum connecting times in minutes: within a country, and across a border. The other two are added for a
change of carrier and for a change of airport.

The times are close to the defaults of the industry: an hour within a country and 90 minutes across a border.
Real airports publish their own times.
"""
LONGEST_LAYOVER, LONGEST_RESORT = 8 * 60, 20 * 60
"""Maximum layovers in minutes: normally, and if there is no other connection."""
MOST = 12
"""Maximum number of connections between two airports on a day."""


@dataclass(frozen=True, slots=True)
class Hop(Generic[T]):
    """The fields of a flight that the search for connections needs, and the `flight` itself.

    Times are minutes since 1970 (UTC).
    """

    origin: str
    destination: str
    leaves: int
    arrives: int
    carrier: str
    flight: T


Chain = tuple[Hop[T], ...]


class ConnectionRules:
    """Minimum connecting times, and the cities in which a change of airport is possible."""

    def __init__(self, airports: Mapping[str, Airport]) -> None:
        self._airports = airports

    def minutes(self, arriving: Hop[T], leaving: Hop[T]) -> int:
        """Return the minimum connecting time in minutes between two hops.

        The first hop must end in the city where the second begins. All airports must be known.
        """
        codes = (arriving.origin, leaving.origin, leaving.destination)
        countries = {self._airports[code].country_code for code in codes}
        least = WITHIN_COUNTRY if len(countries) == 1 else ACROSS_BORDER
        least += ANOTHER_CARRIER if arriving.carrier != leaving.carrier else 0
        return least + (ANOTHER_AIRPORT if arriving.destination != leaving.origin else 0)

    def city(self, airport: str) -> str:
        """Return the code of an airport's city."""
        return self._airports[airport].metro


def connect(
    stages: Sequence[Iterable[Hop[T]]],
    rules: ConnectionRules,
    *,
    longest: int = LONGEST_LAYOVER,
    change_airports: bool = False,
) -> list[Chain[T]]:
    """Return chains with one hop from each stage, in the order of the hops of the first stage.

    `longest` is the maximum layover in minutes. No chain visits an airport twice.
    """
    chains: list[Chain[T]] = [(hop,) for hop in stages[0]]
    for stage in stages[1:]:
        onward: dict[str, list[Hop[T]]] = defaultdict(list)
        for hop in sorted(stage, key=lambda hop: hop.leaves):
            onward[rules.city(hop.origin) if change_airports else hop.origin].append(hop)
        longer: list[Chain[T]] = []
        for chain in chains:
            end = chain[-1].destination
            hops = onward.get(rules.city(end) if change_airports else end, ())
            if following := _following(chain, hops, rules, longest):
                longer.append((*chain, following))
        chains = longer
    return chains


def _following(
    chain: Chain[T], hops: Sequence[Hop[T]], rules: ConnectionRules, longest: int
) -> Hop[T] | None:
    """Return the earliest hop that can be caught, of the same carrier if possible.

    `hops` are sorted by departure.
    """
    last = chain[-1]
    visited = {hop.origin for hop in chain}
    start = bisect_left(hops, last.arrives + WITHIN_COUNTRY, key=lambda hop: hop.leaves)
    other: Hop[T] | None = None
    for hop in hops[start:]:
        if hop.leaves > last.arrives + longest:
            break
        if hop.destination in visited or hop.leaves < last.arrives + rules.minutes(last, hop):
            continue
        if hop.carrier == last.carrier:
            return hop
        other = other or hop
    return other


def worthwhile(chains: Iterable[Chain[T]], nonstop: Iterable[Hop[T]] = ()) -> list[Chain[T]]:
    """Return the `MOST` shortest chains that aren't dominated, sorted by departure.

    A chain is dominated if another chain or a nonstop flight departs no earlier and arrives no later.
    """
    entries: list[tuple[int, int, Chain[T]]] = [(hop.leaves, hop.arrives, ()) for hop in nonstop]
    entries += [(chain[0].leaves, chain[-1].arrives, chain) for chain in chains]
    kept: list[Chain[T]] = []
    soonest: int | None = None
    # Sorted by departure, latest first, then by arrival. Nonstop flights have an empty chain.
    for _, arrives, chain in sorted(entries, key=lambda entry: (-entry[0], entry[1], len(entry[2]))):
        if soonest is not None and arrives >= soonest:
            continue
        soonest = arrives
        if chain:
            kept.append(chain)
    kept.sort(key=lambda chain: (chain[-1].arrives - chain[0].leaves, chain[0].leaves))
    return sorted(kept[:MOST], key=lambda chain: chain[0].leaves)
