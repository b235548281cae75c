"""Transfer airports of the sample timetable, and connections through them.

A good transfer airport needs only a short detour, and is a hub of a carrier that flies both parts. A search
tries only a few transfer airports, to limit its work.
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
    worthwhile,
)
from services.flightdata.sample.schedule import Departure, Schedule

MOST_PLACES = 6
"""Maximum number of transfer airports tried between two airports."""
GATEWAYS = 4
"""Number of hubs near each end that are tried for connections with two changes."""
DETOUR, SPARE_KM = 1.5, 900
"""Maximum length of a connection: the direct distance times the factor, or plus the kilometres if longer."""
HUB_BONUS, SAME_CARRIER_BONUS = 0.4, 0.6
"""Reductions of the cost of a transfer airport: if it is a hub, and if one carrier flies both parts."""


class Transfers:
    """Connections in the sample timetable."""

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
        """Return a day's connections with one change. If `via` isn't empty, change only at these airports.

        If there is no such connection and no nonstop flight, and if `two` is set, return connections with two
        changes. Without `via`, leave out connections dominated by a nonstop flight (see `worthwhile`).
        """
        reachable = [place for place in via if place in self._carriers[origin]]
        places = reachable if via else self.places(origin, destination)
        first, second = [], []
        for place in places:
            carriers = self._carriers_via(origin, place, destination)
            first += self._hops([(origin, place)], (day,), carriers)
            second += self._hops([(place, destination)], _on(day), carriers)
        chains = self._connected([first, second])
        if not chains and not nonstop and two and not via:
            chains = self._with_two_changes(origin, destination, day)
        kept = worthwhile(chains, () if via else [_hop(departure) for departure in nonstop])
        return [tuple(hop.flight for hop in chain) for chain in kept]

    def _carriers_via(self, origin: str, place: str, destination: str) -> frozenset[str]:
        """Return the carriers that fly both parts of a connection, or all carriers if none flies both."""
        first = self._carriers[origin].get(place, frozenset())
        second = self._carriers[place].get(destination, frozenset())
        return first & second or first | second

    def _connected(self, stages: Sequence[Sequence[Hop[Departure]]]) -> list[Chain[Departure]]:
        """Return connections with short layovers, or else with long layovers and changes of airport."""
        return connect(stages, self._rules, longest=LONGEST_LAYOVER) or connect(
            stages, self._rules, longest=LONGEST_RESORT, change_airports=True
        )

    def _with_two_changes(self, origin: str, destination: str, day: date) -> list[Chain[Departure]]:
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
        """Return the transfer airports between two airports, best first."""
        here, there = self._carriers[origin], self._carriers[destination]
        ranked = sorted(
            (cost, place)
            for place in here.keys() & there.keys()
            if (cost := self._cost(origin, place, destination))
        )
        return [place for _, place in ranked[:MOST_PLACES]]

    def _cost(self, origin: str, place: str, destination: str) -> float | None:
        """Return the cost of a transfer airport; lower is better. None if the detour is too long."""
        kilometres = self._schedule.kilometres
        direct = kilometres(origin, destination)
        way = kilometres(origin, place) + kilometres(place, destination)
        here, via, there = self._airports[origin], self._airports[place], self._airports[destination]
        if way > max(DETOUR * direct, direct + SPARE_KM) or via.metro in (here.metro, there.metro):
            return None
        shared = self._carriers[origin][place] & self._carriers[destination][place]
        hub = any(place in tables.carriers()[carrier].hubs for carrier in shared)
        return 10 + way / max(direct, 1.0) - HUB_BONUS * hub - SAME_CARRIER_BONUS * bool(shared)

    def _nearby_hubs(self, airport: str) -> list[str]:
        """Return hubs near an airport: the nearest of the best-connected airports with a nonstop flight."""
        best = sorted(self._carriers[airport], key=lambda other: (-len(self._carriers[other]), other))
        near = sorted(
            best[: 3 * GATEWAYS], key=lambda other: (self._schedule.kilometres(airport, other), other)
        )
        return near[:GATEWAYS]


def _on(day: date) -> tuple[date, date]:
    """Return the days on which a connecting flight may depart."""
    return day, day + timedelta(days=1)


def _hop(departure: Departure) -> Hop[Departure]:
    designator = departure.designator
    leaves = int(departure.leaves.timestamp()) // 60
    return Hop(
        designator.origin,
        designator.destination,
        leaves,
        leaves + departure.planned.block,
        designator.carrier,
        departure,
    )
