"""How the flights between two places do on a day: for whoever knows the route and about when, and not the number."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import aclosing
from datetime import date, datetime, time, timedelta

from mesh.clock import Clock
from services.flightdata.caching.answer_cache import Answers
from services.flightdata.caching.freshness import Kind
from services.flightdata.errors import DateBeyondHorizon, DateInPast, SamePlace
from services.flightdata.model.flights import FlightStatus
from services.flightdata.model.horizon import FIRST_DAY_BACK, LAST_DAY_AHEAD
from services.flightdata.model.instants import today_in, zone_of
from services.flightdata.model.queries import FlightQuery
from services.flightdata.places.lexicon import Lexicon
from services.flightdata.providers.routing import Answered
from services.flightdata.status.route_flights import flights_between
from services.flightdata.streams import side_by_side

DEFAULT_STATUSES = 5
"""Flights told when nobody says how many."""
MOST_PAIRS = 3
"""Pairs of airports of two cities that are asked for, the most used, all at once; each may cost a call."""


class RouteStatusDesk:
    """Answers for flights by route."""

    def __init__(self, lexicon: Lexicon, answers: Answers, clock: Clock) -> None:
        self._lexicon = lexicon
        self._answers = answers
        self._clock = clock

    async def statuses(
        self,
        origin: str,
        destination: str,
        day: date | None,
        near: time | None,
        *,
        most: int = DEFAULT_STATUSES,
    ) -> Sequence[FlightStatus]:
        """Flights that leave on a day, today there when None: those nearest to a local time first, else in the order they leave; of today's
        flights then those that leave or left about now.

        Raises:
            PlaceNotFound: a code is nobody's.
            SamePlace: both codes lie in one city.
            DateBeyondHorizon, DateInPast: nobody knows that day, yet or any more.
            FlightsUnavailable, FlightsQuotaExhausted, FlightsRestricted: no provider could answer.
        """
        leave, go = self._lexicon.place(origin), self._lexicon.place(destination)
        if self._lexicon.metro_of(leave) == self._lexicon.metro_of(go):
            raise SamePlace(leave.code, leave.city)
        today = today_in(leave.zone, self._clock.now())
        day = day or today
        if day > today + timedelta(days=LAST_DAY_AHEAD):
            raise DateBeyondHorizon(today + timedelta(days=LAST_DAY_AHEAD))
        if today - day > timedelta(days=FIRST_DAY_BACK):
            raise DateInPast(today, leave.zone)
        pairs = FlightQuery(leave.airports, go.airports, day).pairs[:MOST_PAIRS]
        questions = [
            flights_between(self._answers, *pair, day, Kind.STATUS, is_today=day == today) for pair in pairs
        ]
        async with aclosing(side_by_side(questions, MOST_PAIRS)) as events:
            found = [
                status async for _, event in events if isinstance(event, Answered) for status in event.value
            ]
        found.sort(key=_leaving)
        if near is not None:
            return _nearest(found, datetime.combine(day, near))[:most]
        if day == today:
            around = _nearest(found, self._clock.now().astimezone(zone_of(leave.zone)).replace(tzinfo=None))[
                :most
            ]
            return sorted(around, key=_leaving)
        return found[:most]


def _leaving(status: FlightStatus) -> tuple[datetime, str]:
    return status.segment.departure.at.utc, status.segment.flight


def _nearest(statuses: Sequence[FlightStatus], moment: datetime) -> list[FlightStatus]:
    """Flights by how far from a moment, on the clock there, they are planned to leave."""
    return sorted(
        statuses, key=lambda status: abs(status.segment.departure.time.replace(tzinfo=None) - moment)
    )
