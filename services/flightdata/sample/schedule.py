"""When flights leave: banks of departures over a day, a pattern over the week, local times with their zones."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from functools import lru_cache
from itertools import pairwise

from services.flightdata.model.instants import zone_of
from services.flightdata.places.geography import block_minutes, distance_km
from services.flightdata.places.lexicon import Lexicon
from services.flightdata.places.loading import uncollected
from services.flightdata.sample import tables
from services.flightdata.sample.network import Network
from services.flightdata.sample.numbering import Line, Numbering
from services.flightdata.sample.seeded import number, unit

DAY = ((0.0, 330), (0.36, 600), (0.62, 1020), (1.0, 1370))
"""Share of a route's short flights that have left by a minute after midnight: a morning and an evening peak."""
LONG_HAUL_MINUTES = 330
"""Block time from which flights leave in banks that meet connecting flights."""
BANKS = ((420, 810), (1080, 1380), (20, 190))
"""Long-haul banks: before noon, in the evening, after midnight."""
AWAKE_AT_NIGHT = frozenset({"SOUTH_ASIA", "MIDDLE_EAST", "SOUTH_EAST_ASIA", "AFRICA"})
"""Regions whose airports keep the bank after midnight; elsewhere neighbours sleep."""
STEP = 5
EVERY_DAY = 0b1111111


@dataclass(frozen=True, slots=True)
class Planned:
    """A line's plan: minutes after midnight at the origin, days it flies (bit 0 Monday), and block time in minutes.

    `southern` origins have their summer in January.
    """

    line: Line
    leaves: int
    days: int
    block: int
    southern: bool = False

    def flies_on(self, day: date) -> bool:
        """Whether the line flies on a day of departure."""
        return bool(self.days >> day.weekday() & 1)


@dataclass(frozen=True, slots=True)
class Departure:
    """One flight on one day. Times are aware, each in its own airport's zone."""

    planned: Planned
    day: date
    leaves: datetime
    arrives: datetime


class Schedule:
    """The plan of all routes, worked out when first asked for."""

    def __init__(self, lexicon: Lexicon, seed: str) -> None:
        self._lexicon = lexicon
        self._seed = seed
        with uncollected():
            self.network = Network(lexicon, seed)
            self.numbering = Numbering((s for held in self.network.services.values() for s in held), seed)
        self.kilometres = lru_cache(maxsize=32768)(self._distance)
        self._route = lru_cache(maxsize=4096)(self._plan_route)

    def _distance(self, one: str, other: str) -> float:
        """Great-circle distance between two airports by code."""
        return distance_km(self._lexicon.airports[one], self._lexicon.airports[other])

    def departures(
        self, origin: str, destination: str, day: date, *, carriers: frozenset[str] = frozenset()
    ) -> list[Departure]:
        """Flights from one airport to another on a day, in the order of their numbers; of some carriers only, if any are given."""
        return [
            self.departure(planned, day)
            for planned in self._route(origin, destination).values()
            if planned.flies_on(day) and (not carriers or planned.line.carrier in carriers)
        ]

    def planned(self, carrier: str, number: int) -> Planned | None:
        """The plan of a flight number; None when nobody flies it."""
        line = self.numbering.line(carrier, number)
        return self._route(line.origin, line.destination)[line.flight] if line else None

    def departure(self, planned: Planned, day: date) -> Departure:
        """A planned flight on a day. A time that the clocks skip is read as the hour after."""
        origin, destination = (
            self._lexicon.airports[planned.line.origin],
            self._lexicon.airports[planned.line.destination],
        )
        wall = datetime.combine(day, time(planned.leaves // 60, planned.leaves % 60), zone_of(origin.zone))
        instant = wall.astimezone(UTC)
        arrives = instant + timedelta(minutes=planned.block)
        return Departure(
            planned,
            day,
            instant.astimezone(zone_of(origin.zone)),
            arrives.astimezone(zone_of(destination.zone)),
        )

    def _plan_route(self, origin: str, destination: str) -> Mapping[str, Planned]:
        first, second = sorted((origin, destination))
        services = self.network.services.get((first, second), ())
        lines = [line for service in services for line in self.numbering.lines(service, origin)]
        if not lines:
            return {}
        block = block_minutes(self._lexicon.airports[origin], self._lexicon.airports[destination])
        leaves = self._leaves(origin, destination, len(lines), block)
        shuffled = sorted(lines, key=lambda line: number(self._seed, "turn", line.flight))
        southern = self._lexicon.airports[origin].latitude < 0
        plans = {
            line.flight: Planned(line, leaves[turn], self._days(line, turn), block, southern)
            for turn, line in enumerate(shuffled)
        }
        return {line.flight: plans[line.flight] for line in lines}

    def _leaves(self, origin: str, destination: str, count: int, block: int) -> Sequence[int]:
        """Minutes after midnight of a route's flights in one direction."""
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

    def _days(self, line: Line, turn: int) -> int:
        """Days a line flies. The first of each route flies daily, so that every pair is linked every day."""
        share = unit(self._seed, "daily", line.flight)
        if turn == 0 or share < 0.6 or line.flight in tables.pinned():
            return EVERY_DAY
        absent = 1 + number(self._seed, "absent", line.flight) % 4
        resting = sorted(range(7), key=lambda day: number(self._seed, "rest", line.flight, day))[:absent]
        return EVERY_DAY & ~sum(1 << day for day in resting)


def _minute(share: float) -> float:
    """Minute after midnight by which a share of a day's short flights has left."""
    (low, begins), (high, ends) = next((a, b) for a, b in pairwise(DAY) if share <= b[0])
    return begins + (ends - begins) * (share - low) / (high - low)
