"""Status of the flights between two places on a day, for callers who don't know the flight number."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from contextlib import aclosing
from dataclasses import dataclass, replace
from datetime import date, datetime, time

from mesh.clock import Clock
from mesh.contracts.page_tokens import PageSize
from services.flightdata.caching.answer_cache import AnswerCache, Event, Question
from services.flightdata.caching.freshness import Kind
from services.flightdata.errors import FlightsRestricted, SamePlace
from services.flightdata.model.flights import FlightStatus
from services.flightdata.model.horizon import check_route_status
from services.flightdata.model.instants import today_in, zone_of
from services.flightdata.model.queries import FlightQuery
from services.flightdata.places import Kind as PlaceKind
from services.flightdata.places.lexicon import Lexicon
from services.flightdata.providers.protocol import Capability, Direction
from services.flightdata.providers.routing import Answered
from services.flightdata.streams import merged

STATUSES = PageSize(5, 50)
MOST_PAIRS = 3
"""Maximum number of airport pairs of two cities, busiest first, to ask for in parallel, one call for each."""
BOTH_KINDS = (Kind.STATUS, Kind.SCHEDULE)
"""Kinds of the question. It is asked for flight status and for the schedule, which is valid for hours."""


async def flights_between(
    cache: AnswerCache, origin: str, destination: str, day: date, kind: Kind, *, is_today: bool
) -> AsyncIterator[Event[Sequence[FlightStatus]]]:
    """Yield progress, then the flights between two airports in one last event.

    If no provider answers by route, use the origin's departure board, but only for today: boards of other
    days are incomplete.

    Raises:
        FlightsUnavailable, FlightsQuotaExhausted, FlightsRestricted: no provider could answer.
    """
    by_route = Question(
        name=f"{origin} {destination} {day}",
        kind=kind,
        capability=Capability.ROUTE_STATUS,
        shape=Answered[Sequence[FlightStatus]],
        call=lambda provider: provider.route_status(origin, destination, day),
        empty=lambda flights: not flights,
        other_kinds=BOTH_KINDS,
    )
    try:
        async for event in cache.ask(by_route):
            yield event
    except FlightsRestricted:
        if not is_today or not cache.count_able(Capability.BOARD):
            raise
        by_board = replace(
            by_route,
            name=f"{origin} {day}",
            capability=Capability.BOARD,
            call=lambda provider: provider.board(origin, Direction.DEPARTURES, day),
        )
        async for event in cache.ask(by_board):
            if isinstance(event, Answered):
                flights = [flight for flight in event.value if flight.segment.arrival.airport == destination]
                event = replace(event, value=flights)
            yield event


@dataclass(frozen=True, slots=True)
class RoutePosition:
    """A position in the list of a route's flights: the number of flights before it, and the list's order.

    The list begins with the flights nearest to `nearest_to`, a local time; None: in the order of departure.
    """

    passed: int = 0
    nearest_to: datetime | None = None

    def __str__(self) -> str:
        return f"{self.passed} {self.nearest_to or ''}"

    @classmethod
    def parse(cls, text: str) -> RoutePosition:
        """Parse the text that `str` returns."""
        passed, _, moment = text.partition(" ")
        return cls(int(passed), datetime.fromisoformat(moment) if moment else None)


@dataclass(frozen=True, slots=True)
class RoutePage:
    """A page of the flights of a route. `following` is the position of the next page, None after the last."""

    statuses: Sequence[FlightStatus]
    following: RoutePosition | None


class RouteStatusService:
    """Answers status requests by route."""

    def __init__(self, lexicon: Lexicon, cache: AnswerCache, clock: Clock) -> None:
        self._lexicon, self._cache, self._clock = lexicon, cache, clock

    async def page(
        self,
        origin: str,
        destination: str,
        day: date | None,
        near: time | None,
        *,
        size: int = STATUSES.default,
        position: RoutePosition | None = None,
        kinds: tuple[PlaceKind | None, PlaceKind | None] = (None, None),
    ) -> RoutePage:
        """Return the status of at most `size` flights that depart on `day`, local; None means today.

        With `near`, a local time, the nearest flights come first. Without `near`, pages are in the order of
        departure; today, the first page has the flights nearest to now. `position` is that of the page, None
        for the first. `kinds` are those of the two places.

        Raises:
            PlaceNotFound: a code is unknown.
            SamePlace: both places are in one city.
            DateBeyondHorizon, DateInPast: the day is out of range.
            FlightsUnavailable, FlightsQuotaExhausted, FlightsRestricted: no provider could answer.
        """
        start, end = map(self._lexicon.meant, (origin, destination), kinds)
        if self._lexicon.metro_of(start) == self._lexicon.metro_of(end):
            raise SamePlace(start.code, start.city)
        now = self._clock.now()
        today = today_in(start.zone, now)
        day = day or today
        check_route_status(day, start.zone, now)
        pairs = FlightQuery(start.airports, end.airports, day).pairs[:MOST_PAIRS]
        streams = [
            flights_between(self._cache, *pair, day, Kind.STATUS, is_today=day == today) for pair in pairs
        ]
        async with aclosing(merged(streams, MOST_PAIRS)) as events:
            found = [status async for _, e in events if isinstance(e, Answered) for status in e.value]
        found.sort(key=_departure)
        local = now.astimezone(zone_of(start.zone)).replace(tzinfo=None)
        if position is None:
            moment = datetime.combine(day, near) if near else local if day == today else None
            position = RoutePosition(0, moment)
        if position.nearest_to:
            found = _nearest(found, position.nearest_to)
        passed = position.passed + size
        on_page = found[position.passed : passed]
        following = replace(position, passed=passed) if len(found) > passed else None
        return RoutePage(on_page if near else sorted(on_page, key=_departure), following)


def _departure(status: FlightStatus) -> tuple[datetime, str]:
    return status.segment.departure.at.utc, status.segment.flight


def _nearest(statuses: Sequence[FlightStatus], moment: datetime) -> list[FlightStatus]:
    """Sort flights by the time between their planned local departure and the local time `moment`."""
    return sorted(statuses, key=lambda s: abs(s.segment.departure.time.replace(tzinfo=None) - moment))
