"""Status watches: one poll for all who watch a flight, more often as its next event comes nearer.

No background task polls: the first watcher to wake asks, and the others read its answer. So a flight costs
one call for each interval, whatever the number of watchers, and none without watchers.
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
from services.flightdata.status.flight_status import StatusService

SAMPLE_PACE = timedelta(seconds=30)
"""Time between polls of the sample timetable, which are free."""
PACE = (
    (timedelta(hours=24), timedelta(hours=1)),
    (timedelta(hours=6), timedelta(minutes=20)),
    (timedelta(hours=2), timedelta(minutes=10)),
    (timedelta(0), timedelta(minutes=3)),
)
"""Time before the next event (departure, then arrival), and the time between polls from there on."""
PACE_AFTER = (
    (timedelta(hours=3), timedelta(hours=1)),
    (timedelta(minutes=45), timedelta(minutes=20)),
    (timedelta(0), timedelta(minutes=3)),
)
"""The same after an unreported arrival. Polls cost money, and most arrivals are never reported."""
GIVE_UP_AFTER = timedelta(hours=12)
"""Time after the arrival at which a flight counts as over even if its landing wasn't reported."""
OVER = frozenset({State.LANDED, State.CANCELLED})
_LONG_AGO = datetime.min.replace(tzinfo=UTC)
_NO_PROVENANCE = Provenance("", _LONG_AGO)


@dataclass(frozen=True, slots=True)
class Trouble:
    """The status can't be refreshed and may be out of date. Sent once until polls succeed again."""

    error: DomainError


WatchEvent = FlightStatus | Trouble


@dataclass
class _Watched:
    """State shared by all watchers of a flight on its `day`; the next poll is `due`.

    A watch without a day means the day it began, `begun` at the departure airport: the number flies again
    tomorrow.
    """

    day: date | None
    begun: date | None = None
    watchers: int = 0
    due: datetime = _LONG_AGO
    legs: Sequence[FlightStatus] = ()
    trouble: DomainError | None = None
    lock: asyncio.Lock = field(default_factory=asyncio.Lock)


class StatusWatches:
    """The watches of one process."""

    def __init__(self, status: StatusService, clock: Clock) -> None:
        self._status = status
        self._clock = clock
        self._flights: dict[tuple[str, date | None], _Watched] = {}

    async def watch(self, flight: str, day: date | None) -> AsyncGenerator[WatchEvent, None]:
        """Yield the status of each leg, then every change, until all legs are over.

        A leg is over when it has landed or is cancelled, or `GIVE_UP_AFTER` its arrival: vendors never report
        where a diverted flight ended.

        Raises:
            FlightNotFound, DateBeyondHorizon: at the first poll, or once the day is no longer known.
            FlightsUnavailable, FlightsQuotaExhausted, FlightsRestricted: the first poll failed.
        """
        watched = self._watched(flight, day)
        watched.watchers += 1
        try:
            async for event in self._changes(watched, flight):
                yield event
        finally:
            watched.watchers -= 1
            if not watched.watchers and self._flights.get((flight, day)) is watched:
                del self._flights[flight, day]

    def _watched(self, flight: str, day: date | None) -> _Watched:
        """Return the shared state; a new one if a watch without a day began on an earlier day."""
        watched = self._flights.get((flight, day))
        if watched is None or (watched.begun and watched.begun != self._today(watched.legs)):
            watched = self._flights[flight, day] = _Watched(day)
        return watched

    def _today(self, legs: Sequence[FlightStatus]) -> date:
        return today_in(legs[0].segment.departure.zone, self._clock.now())

    async def _changes(self, watched: _Watched, flight: str) -> AsyncIterator[WatchEvent]:
        sent: dict[tuple[str, date], FlightStatus] = {}
        in_trouble = False
        while True:
            await self._poll(watched, flight)
            if watched.trouble and not in_trouble:
                yield Trouble(watched.trouble)
            in_trouble = watched.trouble is not None
            for leg in watched.legs:
                key = leg.segment.departure.airport, leg.depart_date
                status = replace(leg, provenance=_NO_PROVENANCE)
                if sent.get(key) != status:
                    sent[key] = status
                    yield leg
            if all(self._is_over(leg) for leg in watched.legs):
                return
            await self._clock.sleep((watched.due - self._clock.now()).total_seconds())

    async def _poll(self, watched: _Watched, flight: str) -> None:
        """Ask for the status, unless another watcher just has."""
        async with watched.lock:
            now = self._clock.now()
            if now < watched.due:
                return
            try:
                watched.legs, watched.trouble = await self._status.status(flight, watched.day), None
            except (FlightsUnavailable, FlightsQuotaExhausted, FlightsRestricted) as error:
                if not watched.legs:
                    raise
                watched.trouble = error
            watched.due = now + self._pace(watched.legs)
            if watched.day is None:
                watched.day, watched.begun = watched.legs[0].depart_date, self._today(watched.legs)

    def _is_over(self, leg: FlightStatus) -> bool:
        return leg.state in OVER or self._clock.now() - leg.arrives >= GIVE_UP_AFTER

    def _pace(self, legs: Sequence[FlightStatus]) -> timedelta:
        """Return the time to the next poll: the shortest that any leg needs."""
        if any(leg.provenance.sample for leg in legs):
            return SAMPLE_PACE
        now = self._clock.now()
        return min((_leg_pace(leg, now) for leg in legs if not self._is_over(leg)), default=PACE[-1][1])


def _leg_pace(leg: FlightStatus, now: datetime) -> timedelta:
    """Return the time between polls for a leg's next event: its departure, or after that its arrival."""
    event = leg.leaves if leg.leaves > now else leg.arrives
    table, distance = (PACE, event - now) if event > now else (PACE_AFTER, now - event)
    return next(pause for length, pause in table if distance >= length)
