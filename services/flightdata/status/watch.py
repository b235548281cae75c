"""Status watches. All watchers of a flight share its polls, which become more frequent before its next event.

No background task polls. The watcher that wakes up first asks the provider, and the other watchers read the
same answer. So a watched flight costs one call for each interval, whatever the number of watchers.
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
from services.flightdata.status.flight_status import StatusService

SAMPLE_PACE = timedelta(seconds=30)
"""Time between polls of the sample timetable, which are free."""
PACE = (
    (timedelta(hours=24), timedelta(hours=1)),
    (timedelta(hours=6), timedelta(minutes=20)),
    (timedelta(hours=2), timedelta(minutes=10)),
    (timedelta(0), timedelta(minutes=3)),
)
"""Pairs: if at least this time is left until the next event, this is the time between polls.

The next event is the departure, and after it the arrival.
"""
PACE_AFTER = (
    (timedelta(hours=3), timedelta(hours=1)),
    (timedelta(minutes=45), timedelta(minutes=20)),
    (timedelta(0), timedelta(minutes=3)),
)
"""Pairs: if at least this time has passed since the expected arrival, this is the time between polls.

Polls become rarer because they cost money, and most arrivals are never reported.
"""
GIVE_UP_AFTER = timedelta(hours=12)
"""Time after the expected arrival when a flight counts as finished, even without a reported landing."""
HEARTBEAT = timedelta(seconds=15)
"""Time without another event after which a heartbeat is sent."""
OVER = frozenset({State.LANDED, State.CANCELLED})
_LONG_AGO = datetime.min.replace(tzinfo=UTC)
_NO_PROVENANCE = Provenance("", _LONG_AGO)


@dataclass(frozen=True, slots=True)
class Trouble:
    """Event: a poll failed, so the status may be out of date. Sent only for the first of several failures."""

    error: DomainError


@dataclass(frozen=True, slots=True)
class Heartbeat:
    """Event: nothing else was sent for the time `HEARTBEAT`; the watch goes on."""


WatchEvent = FlightStatus | Trouble | Heartbeat


@dataclass
class _Watched:
    """State shared by all watchers of a flight on one day. The next poll runs at `due`."""

    watchers: int = 0
    due: datetime = _LONG_AGO
    legs: Sequence[FlightStatus] = ()
    trouble: DomainError | None = None
    lock: asyncio.Lock = field(default_factory=asyncio.Lock)


class StatusWatches:
    """All status watches of this process."""

    def __init__(self, status: StatusService, clock: Clock) -> None:
        self._status = status
        self._clock = clock
        self._flights: dict[tuple[str, date], _Watched] = {}

    async def watch(self, flight: str, day: date) -> AsyncGenerator[WatchEvent, None]:
        """Yield the status of each leg, then every change, until all legs are finished.

        A leg is finished when it has landed or is cancelled, or `GIVE_UP_AFTER` its expected arrival. Vendors
        never report the landing of a diverted flight.

        Raises:
            FlightNotFound, DateBeyondHorizon: the first or a later poll found no such flight on that day.
            FlightsUnavailable, FlightsQuotaExhausted, FlightsRestricted: the first poll failed.
            AllowanceExhausted: it is this watcher's turn to poll, and the caller may cause no more lookups
                today. The other watchers continue.
        """
        watched = self._flights.setdefault((flight, day), _Watched())
        watched.watchers += 1
        try:
            async for event in self._changes(watched, flight, day):
                yield event
        finally:
            watched.watchers -= 1
            if not watched.watchers:
                del self._flights[flight, day]

    async def _changes(self, watched: _Watched, flight: str, day: date) -> AsyncIterator[WatchEvent]:
        sent: dict[tuple[str, date], FlightStatus] = {}
        in_trouble = False
        while True:
            await self._poll(watched, flight, day)
            if watched.trouble and not in_trouble:
                yield Trouble(watched.trouble)
            if in_trouble and not watched.trouble:
                sent.clear()  # so that the watcher learns that the trouble is over
            in_trouble = watched.trouble is not None
            for leg in watched.legs:
                key = leg.segment.departure.airport, leg.departure_date
                status = replace(leg, provenance=_NO_PROVENANCE)
                if sent.get(key) != status:
                    sent[key] = status
                    yield leg
            if all(self._is_over(leg) for leg in watched.legs):
                return
            async for heartbeat in self._until(watched.due):
                yield heartbeat

    async def _until(self, due: datetime) -> AsyncIterator[Heartbeat]:
        """Wait until a time, and yield heartbeats meanwhile."""
        while (left := due - self._clock.now()) > timedelta(0):
            await self._clock.sleep(min(left, HEARTBEAT).total_seconds())
            if left > HEARTBEAT:
                yield Heartbeat()

    async def _poll(self, watched: _Watched, flight: str, day: date) -> None:
        """Ask for the status if a poll is due. Otherwise, another watcher has just asked."""
        async with watched.lock:
            now = self._clock.now()
            if now < watched.due:
                return
            try:
                watched.legs, watched.trouble = await self._status.status(flight, day), None
            except (FlightsUnavailable, FlightsQuotaExhausted, FlightsRestricted) as error:
                if not watched.legs:
                    raise
                watched.trouble = error
            watched.due = now + self._pace(watched.legs)

    def _is_over(self, leg: FlightStatus) -> bool:
        return leg.state in OVER or self._clock.now() - leg.arrives >= GIVE_UP_AFTER

    def _pace(self, legs: Sequence[FlightStatus]) -> timedelta:
        """Return the time to the next poll: the shortest time for any leg."""
        if any(leg.provenance.sample for leg in legs):
            return SAMPLE_PACE
        now = self._clock.now()
        return min((_leg_pace(leg, now) for leg in legs if not self._is_over(leg)), default=PACE[-1][1])


def _leg_pace(leg: FlightStatus, now: datetime) -> timedelta:
    """Return the time between polls of a leg, given the time to its departure or, after that, its arrival."""
    event = leg.leaves if leg.leaves > now else leg.arrives
    table, distance = (PACE, event - now) if event > now else (PACE_AFTER, now - event)
    return next(pause for length, pause in table if distance >= length)
