"""How the flights of a route are doing, for whoever knows from where to where and about when, but not the number."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import date
from typing import Any

from agent.dialogue.departure_times import middle
from agent.dialogue.flows.drafting import beyond
from agent.dialogue.frames import PlaceSlot
from agent.dialogue.places import Place
from agent.dialogue.tool_use import ToolUse
from agent.dialogue.tools import DateBeyondHorizon, FlightStatus, RouteStatusRequest, SamePlace, ToolError
from agent.dialogue.turn import Events, Speech, Turn
from agent.language.en.phrases import phrase
from agent.language.en.spoken_forms import airline, day, number
from agent.language.en.status_wording import route_line
from agent.language.en.wording import why_untold

AT_ONCE = 3
"""Flights told at once, as of a search."""
OF_AIRLINE = 20
"""Flights asked for when only those of one airline are wanted."""


def route_of(turn: Turn) -> tuple[Place, Place] | None:
    """From where to where, if the utterance says both and is sure of them."""
    origin, destination = _sure(turn.frame.slots.origin), _sure(turn.frame.slots.destination)
    return (origin, destination) if origin and destination else None


def _sure(slot: PlaceSlot | None) -> Place | None:
    return slot.mention.place if slot and slot.mention and slot.mention.confident else None


async def route_status(turn: Turn, origin: Place, destination: Place, when: date | None) -> Events:
    """The flight nearest to the time that was said, or the first few of the day (None for today)."""
    slots = turn.frame.slots
    near = middle(slots.depart_time) if slots.depart_time else None
    request = RouteStatusRequest(
        origin.code, destination.code, when, near, OF_AIRLINE if slots.airline else AT_ONCE
    )

    def describe(statuses: Sequence[FlightStatus]) -> tuple[str, Mapping[str, Any]]:
        return "FOUND" if statuses else "EMPTY", {"statuses": [dict(status.data) for status in statuses]}

    use = ToolUse("route_status", request.to_json(), lambda: turn.tools.route_status(request), describe)
    async for event in use.events(turn):
        yield event
    wanted = [status for status in use.answer or () if status.flight_number.startswith(slots.airline or "")]
    told = (
        _tell_error(turn, use.error, origin, destination)
        if use.error
        else _tell(turn, wanted, origin, destination, request)
    )
    for speech in told:
        yield speech


def _tell(
    turn: Turn,
    statuses: Sequence[FlightStatus],
    origin: Place,
    destination: Place,
    request: RouteStatusRequest,
) -> Iterator[Speech]:
    today = turn.today_at(origin)
    route = {"origin": origin.city, "destination": destination.city, "day": day(request.date or today, today)}
    if not statuses:
        wanted = turn.frame.slots.airline
        name = "route_status_none_of_airline" if wanted else "route_status_none"
        yield Speech(phrase(name, airline=airline(wanted or ""), **route))
        return
    told = statuses[:1] if request.near else statuses[:AT_ONCE]
    several = "route_status_several" if request.date and request.date != today else "route_status_around_now"
    yield Speech(phrase("route_status_one" if len(told) == 1 else several, count=number(len(told)), **route))
    for status in told:
        yield Speech(route_line(status))
    if statuses[0].sample and not turn.state.sample_told:
        turn.state.sample_told = True
        yield Speech(phrase("sample"))


def _tell_error(turn: Turn, error: ToolError, origin: Place, destination: Place) -> Iterator[Speech]:
    if isinstance(error, DateBeyondHorizon):
        yield Speech(beyond(error.last_date, turn.today_at(origin)))
    elif isinstance(error, SamePlace):
        yield Speech(phrase("same_place", origin=origin.city, destination=destination.city))
    else:
        yield Speech(why_untold(error, turn.today_at(origin)))
