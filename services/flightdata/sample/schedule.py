"""Departure times of the sample timetable, and the days of the week on which each flight operates."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from functools import lru_cache
from itertools import pairwise

from services.flightdata.data_files import gc_paused
from services.flightdata.model.instants import zone_of
from services.flightdata.places.geography import block_minutes, distance_km
from services.flightdata.places.lexicon import Lexicon
from services.flightdata.sample import number, tables, unit
from services.flightdata.sample.network import Network
from services.flightdata.sample.numbering import Designator, Numbering

DAY = ((0.0, 330), (0.36, 600), (0.62, 1020), (1.0, 1370))
"""Pairs of a share and a minute after midnight: this share of a route's short flights departs before it.

There are two peaks a day.
"""
LONG_HAUL_MINUTES = 330
"""Block time from which flights depart in banks (waves of departures) to meet connecting flights."""
BANKS = ((420, 810), (1080, 1380), (20, 190))
"""Start and end of the long-haul banks, in minutes after midnight: morning, evening and night."""
AWAKE_AT_NIGHT = frozenset({"SOUTH_ASIA", "MIDDLE_EAST", "SOUTH_EAST_ASIA", "AFRICA"})
"""Regions with a bank after midnight. Airports of other regions are closed at night."""
STEP = 5
EVERY_DAY = 0b1111111


@dataclass(frozen=True, slots=True)
class Planned:
    """The plan of a flight number.

    `leaves` is the departure in local minutes after midnight. `days` is a bit mask of weekdays (bit 0 is
    Monday). `block` is the block time in minutes. `southern` is True if the origin is in the southern
    hemisphere.
    """

    designator: Designator
    leaves: int
    days: int
    block: int
    southern: bool = False

    def flies_on(self, day: date) -> bool:
        """Return whether the flight operates on a day."""
        return bool(self.days >> day.weekday() & 1)


@dataclass(frozen=True, slots=True)
class Departure:
    """One flight on one day, with aware local times."""

    planned: Planned
    day: date
    leaves: datetime
    arrives: datetime

    @property
    def designator(self) -> Designator:
        """The flight number and its route."""
        return self.planned.designator


class Schedule:
    """The plans of all routes. The plan of a route is computed on its first use."""

    def __init__(self, lexicon: Lexicon, seed: str) -> None:
        self._lexicon = lexicon
        self._seed = seed
        with gc_paused():
            self.network = Network(lexicon, seed)
            self.numbering = Numbering((s for held in self.network.services.values() for s in held), seed)
        self.kilometres = lru_cache(maxsize=32768)(self._distance)
        self._route = lru_cache(maxsize=4096)(self._plan_route)

    def _distance(self, one: str, other: str) -> float:
        return distance_km(self._lexicon.airports[one], self._lexicon.airports[other])

    def departures(
        self, origin: str, destination: str, day: date, *, carriers: frozenset[str] = frozenset()
    ) -> list[Departure]:
        """Return a day's flights between two airports, sorted by flight number.

        If `carriers` isn't empty, return only the flights of these carriers.
        """
        return [
            self.departure(planned, day)
            for planned in self._route(origin, destination).values()
            if planned.flies_on(day) and (not carriers or planned.designator.carrier in carriers)
        ]

    def planned(self, carrier: str, number: int) -> Planned | None:
        """Return the plan of a flight number, or None if the number is unused."""
        known = self.numbering.designator(carrier, number)
        return self._route(known.origin, known.destination)[known.flight] if known else None

    def departure(self, planned: Planned, day: date) -> Departure:
        """Return a planned flight on a day.

        If a clock change skips the local departure time, the flight departs an hour later on the clock.
        """
        here, there = (
            zone_of(self._lexicon.airports[code].zone)
            for code in (planned.designator.origin, planned.designator.destination)
        )
        leaves = datetime.combine(day, time(planned.leaves // 60, planned.leaves % 60), here).astimezone(UTC)
        arrives = leaves + timedelta(minutes=planned.block)
        return Departure(planned, day, leaves.astimezone(here), arrives.astimezone(there))

    def _plan_route(self, origin: str, destination: str) -> Mapping[str, Planned]:
        first, second = sorted((origin, destination))
        services = self.network.services.get((first, second), ())
        designators = [d for service in services for d in self.numbering.designators(service, origin)]
        if not designators:
            return {}
        block = block_minutes(self._lexicon.airports[origin], self._lexicon.airports[destination])
        leaves = self._leaves(origin, destination, len(designators), block)
        shuffled = sorted(designators, key=lambda d: number(self._seed, "turn", d.flight))
        southern = self._lexicon.airports[origin].latitude < 0
        plans = {
            d.flight: Planned(d, leaves[turn], self._days(d.flight, turn), block, southern)
            for turn, d in enumerate(shuffled)
        }
        return {d.flight: plans[d.flight] for d in designators}

    def _leaves(self, origin: str, destination: str, count: int, block: int) -> Sequence[int]:
        """Return the departure times of one direction of a route, in minutes after midnight."""
        jitter = [unit(self._seed, "leaves", origin, destination, turn) for turn in range(count)]
        if block < LONG_HAUL_MINUTES:
            exact = [_minute((turn + jitter[turn]) / count) for turn in range(count)]
        else:
            first = number(self._seed, "bank", origin, destination)
            region = tables.regions().get(self._lexicon.airports[origin].country_code)
            kept = BANKS if region in AWAKE_AT_NIGHT else BANKS[:2]
            banks = [kept[(first + turn) % len(kept)] for turn in range(count)]
            exact = [
                begins + (ends - begins) * share for (begins, ends), share in zip(banks, jitter, strict=True)
            ]
        return [STEP * int(minute // STEP) for minute in exact]

    def _days(self, flight: str, turn: int) -> int:
        """Return the bit mask of a flight's days of operation. The first flight of a route is daily."""
        share = unit(self._seed, "daily", flight)
        if turn == 0 or share < 0.6 or flight in tables.pinned():
            return EVERY_DAY
        absent = 1 + number(self._seed, "absent", flight) % 4
        shuffled = sorted(range(7), key=lambda day: number(self._seed, "rest", flight, day))
        return EVERY_DAY & ~sum(1 << day for day in shuffled[:absent])


def _minute(share: float) -> float:
    """Return the minute after midnight before which a share of the day's short flights departs."""
    (low, begins), (high, ends) = next((a, b) for a, b in pairwise(DAY) if share <= b[0])
    return begins + (ends - begins) * (share - low) / (high - low)
