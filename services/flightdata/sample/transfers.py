"""Where sample journeys change, and the connections that this makes.

Between two airports the sample changes where one carrier flies both parts and the way round is short, at the carrier's hub if it can.
The work of a search is bounded by how many such places are tried.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from datetime import date, timedelta
from functools import lru_cache

from services.flightdata.places.lexicon import Lexicon
from services.flightdata.sample import tables
from services.flightdata.sample.connections import (
    LONGEST_LAYOVER,
    LONGEST_RESORT,
    Chain,
    ConnectionRules,
    Hop,
    connect,
    worth_telling,
)
from services.flightdata.sample.schedule import Departure, Schedule

MOST_PLACES = 6
"""Places to change at that are tried between two airports."""
GATEWAYS = 4
"""Neighbours of either end that are tried when one change isn't enough."""
DETOUR, SPARE_KM = 1.5, 900
"""How much farther than the straight way a connection may be: in proportion, or by so much when the way is short."""
HUB_WORTH, SHARED_WORTH = 0.4, 0.6
"""What the hub of a carrier that flies the whole way, and such a carrier at all, make up for in detour."""


class Changes:
    """Connections over the sample's schedule."""

    def __init__(self, lexicon: Lexicon, schedule: Schedule) -> None:
        self._airports = lexicon.airports
        self._schedule = schedule
        self._rules = ConnectionRules(lexicon.airports)
        self._carriers: dict[str, dict[str, frozenset[str]]] = defaultdict(dict)
        for (one, other), services in schedule.network.services.items():
            flown = frozenset(service.carrier for service in services)
            self._carriers[one][other] = self._carriers[other][one] = flown
        self.places = lru_cache(maxsize=4096)(self._places)
        self._gateways = lru_cache(maxsize=1024)(self._nearby_hubs)

    def connections(
        self,
        origin: str,
        destination: str,
        day: date,
        *,
        nonstop: Sequence[Departure],
        via: Sequence[str] = (),
        two: bool = True,
    ) -> list[tuple[Departure, ...]]:
        """Connections on a day of departure, at `via` if given: with one change, and with two where `two` may be and nothing else goes.

        A connection that a nonstop flight beats is none, unless the caller wants to change.
        """
        places = (
            [place for place in via if place in self._carriers[origin]]
            if via
            else self.places(origin, destination)
        )
        chains = self._connected(
            [self._first(origin, places, destination, day), self._second(origin, places, destination, day)]
        )
        if not chains and not nonstop and two and not via:
            chains = self._with_two(origin, destination, day)
        told = worth_telling(chains, () if via else [_hop(departure) for departure in nonstop])
        return [tuple(hop.flight for hop in chain) for chain in told]

    def _first(self, origin: str, places: Sequence[str], destination: str, day: date) -> list[Hop[Departure]]:
        return [
            hop
            for place in places
            for hop in self._hops([(origin, place)], (day,), self._whole_way(origin, place, destination))
        ]

    def _second(
        self, origin: str, places: Sequence[str], destination: str, day: date
    ) -> list[Hop[Departure]]:
        return [
            hop
            for place in places
            for hop in self._hops(
                [(place, destination)], _on(day), self._whole_way(origin, place, destination)
            )
        ]

    def _whole_way(self, origin: str, place: str, destination: str) -> frozenset[str]:
        """Carriers that fly both parts of a connection; all, where none does."""
        first, second = (
            self._carriers[origin].get(place, frozenset()),
            self._carriers[place].get(destination, frozenset()),
        )
        return first & second or first | second

    def _connected(self, stages: Sequence[Sequence[Hop[Departure]]]) -> list[Chain[Departure]]:
        """Connections with short changes; with long ones and ones across a city when there are no others."""
        return connect(stages, self._rules, longest=LONGEST_LAYOVER) or connect(
            stages, self._rules, longest=LONGEST_RESORT, change_airports=True
        )

    def _with_two(self, origin: str, destination: str, day: date) -> list[Chain[Departure]]:
        leave, reach = self._gateways(origin), self._gateways(destination)
        between = [
            (one, other)
            for one in leave
            for other in reach
            if one != other and destination not in (one, other)
        ]
        stages = [
            self._hops([(origin, place) for place in leave], (day,)),
            self._hops(between, _on(day)),
            self._hops([(place, destination) for place in reach], (*_on(day), day + timedelta(days=2))),
        ]
        return self._connected(stages)

    def _hops(
        self, pairs: Iterable[tuple[str, str]], days: Sequence[date], carriers: frozenset[str] = frozenset()
    ) -> list[Hop[Departure]]:
        found = (
            d
            for one, other in pairs
            for day in days
            for d in self._schedule.departures(one, other, day, carriers=carriers)
        )
        return [_hop(departure) for departure in found]

    def _places(self, origin: str, destination: str) -> list[str]:
        """Where one may change between two airports, the best first."""
        here, there = self._carriers[origin], self._carriers[destination]
        ranked = sorted(
            (worth, place)
            for place in here.keys() & there.keys()
            if (worth := self._worth(origin, place, destination))
        )
        return [place for _, place in ranked[:MOST_PLACES]]

    def _worth(self, origin: str, place: str, destination: str) -> float | None:
        """How little a place to change at costs, the lower the better; None when it lies too far off."""
        kilometres = self._schedule.kilometres
        straight, way = (
            kilometres(origin, destination),
            kilometres(origin, place) + kilometres(place, destination),
        )
        here, via, there = self._airports[origin], self._airports[place], self._airports[destination]
        if way > max(DETOUR * straight, straight + SPARE_KM) or via.metro in (here.metro, there.metro):
            return None
        shared = self._carriers[origin][place] & self._carriers[destination][place]
        hub = any(place in tables.carriers()[carrier].hubs for carrier in shared)
        return 10 + way / max(straight, 1.0) - HUB_WORTH * hub - SHARED_WORTH * bool(shared)

    def _nearby_hubs(self, airport: str) -> list[str]:
        """The neighbours of an airport from which most other places can be reached, of those the nearest."""
        most = sorted(self._carriers[airport], key=lambda other: (-len(self._carriers[other]), other))[
            : 3 * GATEWAYS
        ]
        return sorted(most, key=lambda other: (self._schedule.kilometres(airport, other), other))[:GATEWAYS]


def _on(day: date) -> tuple[date, date]:
    """Days on which the next flight may leave."""
    return day, day + timedelta(days=1)


def _hop(departure: Departure) -> Hop[Departure]:
    line = departure.planned.line
    leaves = int(departure.leaves.timestamp()) // 60
    return Hop(
        line.origin, line.destination, leaves, leaves + departure.planned.block, line.carrier, departure
    )
