"""Status of the flights of a route, for callers who don't know the flight number."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import date

from readback.conversation.v1 import entry_pb2
from readback.flightdata.v1 import flight_status_pb2

from agent.dialogue.flows.reading_out import READ_AT_ONCE, middle
from agent.dialogue.places import Place
from agent.dialogue.tool_use import ToolUse, failure
from agent.dialogue.tools import SamePlace, ToolError
from agent.dialogue.turn import Events, Speech, Turn
from agent.language.flight_times import date_message, day_of, time_message

OF_ONE_AIRLINE = 20
"""Number of flights to request if the caller wants one airline, because others are removed afterwards."""


def named_route(turn: Turn) -> tuple[Place, Place] | None:
    """Return origin and destination if the utterance names both and both are certain."""
    origin, destination = (
        slot.place if slot and slot.confident else None
        for slot in (turn.frame.slots.origin, turn.frame.slots.destination)
    )
    return (origin, destination) if origin and destination else None


async def route_status(turn: Turn, origin: Place, destination: Place, when: date | None) -> Events:
    """Report the flight nearest to the time in the utterance, or without a time the first few flights.

    If `when` is None, it is today at the origin.
    """
    slots = turn.frame.slots
    near = middle(slots.depart_time) if slots.depart_time else None
    limit = OF_ONE_AIRLINE if slots.airline else READ_AT_ONCE
    request = flight_status_pb2.ListRouteFlightStatusesRequest(
        origin=origin.code,
        origin_kind=origin.message_kind,
        destination=destination.code,
        destination_kind=destination.message_kind,
        departure_date=date_message(when),
        near_time=time_message(near),
        page_size=limit,
    )

    def describe(statuses: Sequence[flight_status_pb2.FlightStatus]) -> entry_pb2.ToolResult:
        outcome = entry_pb2.TOOL_OUTCOME_FOUND if statuses else entry_pb2.TOOL_OUTCOME_EMPTY
        response = flight_status_pb2.ListRouteFlightStatusesResponse(statuses=statuses)
        return entry_pb2.ToolResult(outcome=outcome, route_status=response)

    places = (origin, destination)
    use = ToolUse("route_status", request, places, lambda: turn.tools.route_status(request), describe)
    async for event in use.events(turn):
        yield event
    wanted = [status for status in use.answer or () if status.flight_number.startswith(slots.airline or "")]
    for speech in (
        _tell_error(turn, use.error, origin, destination)
        if use.error
        else _tell(turn, wanted, origin, destination, request)
    ):
        yield speech


def _tell(
    turn: Turn,
    statuses: Sequence[flight_status_pb2.FlightStatus],
    origin: Place,
    destination: Place,
    request: flight_status_pb2.ListRouteFlightStatusesRequest,
) -> Iterator[Speech]:
    language, today, airline = turn.language, turn.context.today_at(origin), turn.frame.slots.airline
    asked = day_of(request.departure_date) if request.HasField("departure_date") else today
    day = language.day(asked, today)
    route = {"origin": origin.city, "destination": destination.city, "day": day}
    if not statuses:
        if airline:
            yield turn.say("route_status_none_of_airline", airline=language.airline(airline), **route)
        else:
            yield turn.say("route_status_none", **route)
        return
    read = statuses[:1] if request.HasField("near_time") else statuses[:READ_AT_ONCE]
    several = "route_status_several" if asked != today else "route_status_around_now"
    yield turn.say(
        "route_status_one" if len(read) == 1 else several, count=language.number(len(read)), **route
    )
    for status in read:
        yield Speech(language.route_line(status))
    if statuses[0].provenance.sample and not turn.state.sample_mentioned:
        turn.state.sample_mentioned = True
        yield turn.say("sample")


def _tell_error(turn: Turn, error: ToolError, origin: Place, destination: Place) -> Iterator[Speech]:
    if isinstance(error, SamePlace):
        yield turn.say("same_place", origin=origin.city, destination=destination.city)
    else:
        yield failure(turn, error, turn.context.today_at(origin))
