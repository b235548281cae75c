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
from services.flightdata.model.flights import FlightStatus, Provenance, State
from services.flightdata.model.instants import today_in
from services.flightdata.status.flight_status import StatusDesk

FREE = timedelta(seconds=30)
"""Between polls of a sample, which costs nothing."""
PACE = (
    (timedelta(hours=24), timedelta(hours=1)),
    (timedelta(hours=6), timedelta(minutes=20)),
    (timedelta(hours=2), timedelta(minutes=10)),
    (timedelta(0), timedelta(minutes=3)),
)
"""From so long before the next thing that happens (a departure, then an arrival), the time between polls."""
PACE_AFTER = (
    (timedelta(hours=3), timedelta(hours=1)),
    (timedelta(minutes=45), timedelta(minutes=20)),
    (timedelta(0), timedelta(minutes=3)),
)
"""From so long after the arrival of which nobody has told, likewise: each poll is paid for, and most flights' is never told."""
GIVEN_UP = timedelta(hours=12)
"""So long after its arrival, nobody is going to tell of it."""
OVER = frozenset({State.LANDED, State.CANCELLED})
_LONG_AGO = datetime.min.replace(tzinfo=UTC)
_NOBODY = Provenance("", _LONG_AGO)


@dataclass(frozen=True, slots=True)
class Trouble:
    """The flight can't be looked at just now; what was said before may be out of date. Told once until it passes."""

    error: DomainError


Told = FlightStatus | Trouble


@dataclass
class _Shared:
    """What is known of a flight to all who watch it on its `day`.

    Who names no day means the one it was when the watch began, `begun` at the departure airport: the same number flies again tomorrow.
    It is asked for again when `due`.
    """

    day: date | None
    begun: date | None = None
    watchers: int = 0
    due: datetime = _LONG_AGO
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
        """Each leg as it is, then each as it changes, until all have landed, are cancelled, or should have arrived so long ago that
        nobody will tell: vendors never say where a diverted flight ended.

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
                name, now_so = (
                    (leg.segment.departure.airport, leg.depart_date),
                    replace(leg, provenance=_NOBODY),
                )
                if seen.get(name) != now_so:
                    seen[name] = now_so
                    yield leg
            if all(self._is_over(leg) for leg in shared.legs):
                return
            await self._clock.sleep((shared.due - self._clock.now()).total_seconds())

    async def _look(self, shared: _Shared, flight: str) -> None:
        """Asks, unless somebody else has meanwhile."""
        async with shared.lock:
            now = self._clock.now()
            if now < shared.due:
                return
            try:
                shared.legs, shared.trouble = await self._desk.status(flight, shared.day), None
            except (FlightsUnavailable, FlightsQuotaExhausted, FlightsRestricted) as error:
                if not shared.legs:
                    raise
                shared.trouble = error
            shared.due = now + self._pace(shared.legs)
            if shared.day is None:
                shared.day, shared.begun = shared.legs[0].depart_date, self._today(shared.legs)

    def _is_over(self, leg: FlightStatus) -> bool:
        return leg.state in OVER or self._clock.now() - leg.arrives >= GIVEN_UP

    def _pace(self, legs: Sequence[FlightStatus]) -> timedelta:
        """The time to the next poll: the shortest that any leg is worth that isn't over."""
        if any(leg.provenance.sample for leg in legs):
            return FREE
        now = self._clock.now()
        return min((_worth(leg, now) for leg in legs if not self._is_over(leg)), default=PACE[-1][1])


def _worth(leg: FlightStatus, now: datetime) -> timedelta:
    """The time between polls that a leg's next event is worth: its departure, or once that is past its arrival."""
    event = leg.leaves if leg.leaves > now else leg.arrives
    pace, away = (PACE, event - now) if event > now else (PACE_AFTER, now - event)
    return next(pause for length, pause in pace if away >= length)
