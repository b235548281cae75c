"""The flights between two airports on a day: asked for by route, or read off the origin's board where nobody may be asked so."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from dataclasses import replace
from datetime import date

from services.flightdata.caching.answer_cache import Answers, Event, Question
from services.flightdata.caching.entries import StatusEntry
from services.flightdata.caching.freshness import Kind
from services.flightdata.errors import FlightsRestricted
from services.flightdata.model.flights import FlightStatus
from services.flightdata.providers.protocol import Capability, Direction
from services.flightdata.providers.routing import Answered

BOTH = (Kind.STATUS, Kind.SCHEDULE)
"""How the flights do is asked for, and that they are flown, which stays true for hours: one question of two ages."""


async def flights_between(
    answers: Answers, origin: str, destination: str, day: date, kind: Kind, *, is_today: bool
) -> AsyncIterator[Event[Sequence[FlightStatus]]]:
    """Progress, then the flights, once and last; a board is asked for today's only, since those of coming days are told in parts.

    Raises:
        FlightsUnavailable, FlightsQuotaExhausted, FlightsRestricted: nobody could answer.
    """
    try:
        async for event in answers.ask(_by_route(origin, destination, day, kind)):
            yield event
    except FlightsRestricted:
        if not is_today or not answers.able(Capability.BOARD):
            raise
        async for event in answers.ask(_board(origin, day, kind)):
            if isinstance(event, Answered):
                event = replace(
                    event,
                    value=[flight for flight in event.value if flight.segment.arrival.airport == destination],
                )
            yield event


def _by_route(origin: str, destination: str, day: date, kind: Kind) -> Question[Sequence[FlightStatus]]:
    return Question(
        name=f"{origin} {destination} {day}",
        kind=kind,
        capability=Capability.ROUTE_STATUS,
        shape=StatusEntry,
        call=lambda provider: provider.route_status(origin, destination, day),
        empty=_is_empty,
        other_kinds=BOTH,
    )


def _board(origin: str, day: date, kind: Kind) -> Question[Sequence[FlightStatus]]:
    return Question(
        name=f"{origin} {day}",
        kind=kind,
        capability=Capability.BOARD,
        shape=StatusEntry,
        call=lambda provider: provider.board(origin, Direction.DEPARTURES, day),
        empty=_is_empty,
        other_kinds=BOTH,
    )


def _is_empty(flights: Sequence[FlightStatus]) -> bool:
    return not flights
