"""Following a flight: one poll for all who watch it, as often as what is left of the journey is worth.

There is no task in the background: whoever wakes first asks, and the others find the answer there. So a flight costs one call an interval
however many watch it, and none when nobody does.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, timedelta

from mesh.clock import Clock
from mesh.errors import DomainError
from services.flightdata.errors import FlightsQuotaExhausted, FlightsRestricted, FlightsUnavailable
from services.flightdata.flights import FlightStatus, State
from services.flightdata.horizon import today_in
from services.flightdata.provenance import Provenance
from services.flightdata.status import StatusDesk

FREE = timedelta(seconds=30)
"""Between polls of a sample, which costs nothing."""
PACE = (
    (timedelta(hours=24), timedelta(hours=1)),
    (timedelta(hours=6), timedelta(minutes=20)),
    (timedelta(hours=2), timedelta(minutes=10)),
    (timedelta(0), timedelta(minutes=3)),
)
"""From so long before the next thing that happens (a departure, then an arrival), the time between polls."""
OVER = frozenset({State.LANDED, State.CANCELLED})
_NOBODY = Provenance("", datetime.min.replace(tzinfo=UTC))


@dataclass(frozen=True, slots=True)
class Trouble:
    """The flight can't be looked at just now; what was said before may be out of date. Told once until it passes."""

    error: DomainError


Told = FlightStatus | Trouble


@dataclass
class _Shared:
    """What is known of a flight to all who watch it on its `day`.

    Who names no day means the one it was when the watch began, `begun` at the departure airport: the same number flies again tomorrow.
    """

    day: date | None
    begun: date | None = None
    watchers: int = 0
    asked: datetime | None = None
    legs: Sequence[FlightStatus] = ()
    trouble: DomainError | None = None
    lock: asyncio.Lock = field(default_factory=asyncio.Lock)


class StatusWatches:
    """Watches of one process."""

    def __init__(self, desk: StatusDesk, clock: Clock) -> None:
        self._desk = desk
        self._clock = clock
        self._flights: dict[tuple[str, date | None], _Shared] = {}

    async def watch(self, flight: str, day: date | None) -> AsyncGenerator[Told, None]:
        """Each leg as it is, then each as it changes, until all have landed or are cancelled.

        Raises:
            FlightNotFound, DateBeyondHorizon: from the beginning, or when nobody tells of that day any more.
            FlightsUnavailable, FlightsQuotaExhausted, FlightsRestricted: nothing at all could be learned.
        """
        shared = self._shared(flight, day)
        shared.watchers += 1
        try:
            async for told in self._changes(shared, flight):
                yield told
        finally:
            shared.watchers -= 1
            if not shared.watchers and self._flights.get((flight, day)) is shared:
                del self._flights[flight, day]

    def _shared(self, flight: str, day: date | None) -> _Shared:
        """What those who watch the flight already know, unless another day has begun since for who names none."""
        shared = self._flights.get((flight, day))
        if shared is None or (shared.begun and shared.begun != self._today(shared.legs)):
            shared = self._flights[flight, day] = _Shared(day)
        return shared

    def _today(self, legs: Sequence[FlightStatus]) -> date:
        return today_in(legs[0].segment.departure.zone, self._clock.now())

    async def _changes(self, shared: _Shared, flight: str) -> AsyncIterator[Told]:
        seen: dict[tuple[str, date], FlightStatus] = {}
        troubled = False
        while True:
            await self._look(shared, flight)
            if shared.trouble and not troubled:
                yield Trouble(shared.trouble)
            troubled = shared.trouble is not None
            for leg in shared.legs:
                name, now_so = (leg.segment.departure.airport, leg.depart_date), replace(leg, provenance=_NOBODY)
                if seen.get(name) != now_so:
                    seen[name] = now_so
                    yield leg
            if all(leg.state in OVER for leg in shared.legs):
                return
            await self._clock.sleep(self._pace(shared.legs).total_seconds())

    async def _look(self, shared: _Shared, flight: str) -> None:
        """Asks, unless somebody else has meanwhile."""
        async with shared.lock:
            now = self._clock.now()
            if shared.asked and now - shared.asked < self._pace(shared.legs):
                return
            shared.asked = now
            try:
                shared.legs, shared.trouble = await self._desk.status(flight, shared.day), None
            except (FlightsUnavailable, FlightsQuotaExhausted, FlightsRestricted) as error:
                if not shared.legs:
                    shared.asked = None
                    raise
                shared.trouble = error
            if shared.day is None:
                shared.day, shared.begun = shared.legs[0].depart_date, self._today(shared.legs)

    def _pace(self, legs: Sequence[FlightStatus]) -> timedelta:
        now = self._clock.now()
        if any(leg.provenance.sample for leg in legs):
            return FREE
        ahead = [self._next(leg, now) for leg in legs if leg.state not in OVER]
        nearest = min((max(timedelta(), length) for length in ahead), default=timedelta())
        return next(pause for length, pause in PACE if nearest >= length)

    @staticmethod
    def _next(leg: FlightStatus, now: datetime) -> timedelta:
        """How long it is to the leg's next event: its departure, or in the air its arrival."""
        departs = leg.actual_departure or leg.estimated_departure or leg.segment.departure.at.utc
        arrives = leg.estimated_arrival or leg.segment.arrival.at.utc
        return (arrives if departs <= now else departs) - now
