"""Flight search: complete the request, search, and report the result."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import date

from readback.conversation.v1 import entry_pb2
from readback.flightdata.v1 import flights_pb2

from agent.dialogue.flows.drafting import (
    ask_other_date,
    begin,
    departure_day,
    merge,
    next_question,
    return_day,
)
from agent.dialogue.flows.reading_out import tell_results
from agent.dialogue.places import Place
from agent.dialogue.search_answer import SearchAnswer
from agent.dialogue.state import About, Draft, FlightList, Question
from agent.dialogue.tool_use import ToolUse, failure
from agent.dialogue.tools import (
    DateBeyondHorizon,
    DateInPast,
    PlaceUnknown,
    SamePlace,
    ToolError,
    ToolRestricted,
    ToolUsedUp,
)
from agent.dialogue.turn import Events, Speech, Turn
from agent.language.days import CalendarDay
from agent.language.flight_times import date_message, day_of, time_message
from agent.language.meanings import TimeWindow


def search(turn: Turn) -> Events:
    """Handle a new search, an answer to a question about it, or a change of the last search."""
    begin(turn)
    return merge_and_advance(turn)


async def merge_and_advance(turn: Turn) -> Events:
    """Merge the utterance into the draft. Then ask for a missing part, or search."""
    for problem in merge(turn):
        yield problem
    async for event in advance(turn):
        yield event


def search_by_merit(turn: Turn) -> Events:
    """Search again, sorted for the cheapest, earliest, latest or fastest flight that the caller asks for."""
    choice = turn.frame.slots.choice
    turn.state.draft = replace(turn.state.draft, sort=choice.by if choice else None)
    return advance(turn)


async def way_back(turn: Turn) -> Events:
    """Search the last journey in the opposite direction, on the return date. Ask for the date if unknown."""
    draft, back = turn.state.draft, return_day(turn)
    turn.state.draft = replace(
        draft.without_wishes(),
        origin=draft.destination,
        destination=draft.origin,
        depart=CalendarDay.of(back) if back else None,
        window=draft.returning,
        back=None,
    )
    for problem in merge(turn):
        yield problem
    if turn.state.draft.depart is None:
        yield turn.ask(About.DATE, "ask_way_back")
        return
    async for event in advance(turn):
        yield event


async def advance(turn: Turn) -> Events:
    """Ask for the next missing detail; if nothing is missing, run the search."""
    questions = list(next_question(turn))
    for question in questions:
        yield question
    if not questions:
        async for event in _run(turn):
            yield event


def route_of(draft: Draft) -> tuple[Place, Place]:
    """Return the origin and destination of a complete draft."""
    assert draft.origin is not None
    assert draft.destination is not None
    return draft.origin, draft.destination


def request_of(turn: Turn) -> flights_pb2.SearchFlightsRequest:
    """Return the search request for a complete draft."""
    draft, when = turn.state.draft, departure_day(turn)
    origin, destination = route_of(draft)
    assert when is not None
    legs = [_leg(draft, origin, destination, when)]
    if back := return_day(turn):
        legs.append(_leg(draft, destination, origin, back))
        returns = draft.returning or TimeWindow()
        legs[1].MergeFrom(_departing(returns))
    _add_wishes_of_the_way_out(legs[0], draft)
    return flights_pb2.SearchFlightsRequest(
        legs=legs,
        sort=flights_pb2.FlightSort.Value(f"FLIGHT_SORT_{(draft.sort or 'unspecified').upper()}"),
        cabin=flights_pb2.Cabin.Value(f"CABIN_{(draft.cabin or 'unspecified').upper()}"),
        adults=draft.passengers if draft.passengers > 1 else None,
    )


def _leg(draft: Draft, origin: Place, destination: Place, when: date) -> flights_pb2.SearchLeg:
    """Return a leg with the wishes that apply to the ways out and back."""
    return flights_pb2.SearchLeg(
        origin=origin.code,
        origin_kind=origin.message_kind,
        destination=destination.code,
        destination_kind=destination.message_kind,
        departure_date=date_message(when),
        max_stops=0 if draft.nonstop else draft.max_stops,
        carrier_codes=dict.fromkeys([draft.airline, *draft.airlines] if draft.airline else draft.airlines),
        excluded_carrier_codes=draft.without_airlines,
    )


def _departing(window: TimeWindow) -> flights_pb2.SearchLeg:
    return flights_pb2.SearchLeg(
        departure_time_from=time_message(window.start), departure_time_before=time_message(window.end)
    )


def _add_wishes_of_the_way_out(leg: flights_pb2.SearchLeg, draft: Draft) -> None:
    departs, arrives = draft.window or TimeWindow(), draft.arrival or TimeWindow()
    leg.MergeFrom(_departing(departs))
    wishes = flights_pb2.SearchLeg(
        arrival_time_from=time_message(arrives.start),
        arrival_time_before=time_message(arrives.end),
    )
    if draft.via:
        wishes.via, wishes.via_kind = draft.via.code, draft.via.message_kind
    leg.MergeFrom(wishes)


async def _run(turn: Turn) -> Events:
    request, draft = request_of(turn), turn.state.draft
    places = filter(None, (draft.origin, draft.destination, draft.via))
    use = ToolUse("search_flights", request, places, lambda: turn.tools.search_flights(request), _result)
    async for event in use.events(turn):
        yield event
    turn.state.drafting, turn.state.tried = False, True
    if use.error:
        for speech in _tell_error(turn, use.error):
            yield speech
        return
    answer = use.answer
    assert answer is not None
    turn.state.flight_list = FlightList(request, answer.flights, answer.total)
    turn.state.chosen = None
    for speech in tell_results(turn, answer) if answer.flights else _tell_empty(turn, answer, request):
        yield speech


def _result(answer: SearchAnswer) -> entry_pb2.ToolResult:
    """Return the result for the transcript. Flight cards and later calls are restored from it."""
    found = answer.result.done.outcome == flights_pb2.SEARCH_OUTCOME_FOUND
    outcome = entry_pb2.TOOL_OUTCOME_FOUND if found else entry_pb2.TOOL_OUTCOME_EMPTY
    return entry_pb2.ToolResult(outcome=outcome, search_flights=answer.result)


def _tell_empty(
    turn: Turn, answer: SearchAnswer, request: flights_pb2.SearchFlightsRequest
) -> Iterator[Speech]:
    draft, language = turn.state.draft, turn.language
    origin, destination = route_of(draft)
    today = turn.context.today_at(origin)
    parts = {
        "origin": origin.city,
        "destination": destination.city,
        "day": language.day(day_of(request.legs[0].departure_date), today),
        "wishes": language.wishes_words(draft),
    }
    if answer.unfiltered_count and draft.has_wishes:
        parts["others"] = language.counted(answer.unfiltered_count, "flight")
        name = "empty_then" if draft.has_only_time_wishes else "empty_filtered"
        yield turn.question(Question(About.DROP_WISHES, language.phrase(name, **parts)))
        return
    turn.state.drafting = True
    if len(request.legs) > 1:
        back = language.day(day_of(request.legs[1].departure_date), today)
        yield turn.say("empty_return", back=back, **parts)
    else:
        yield turn.say("empty", **parts)
    if answer.partial:
        yield turn.say("partial")
    yield turn.ask(About.DATE, "other_day")


def _tell_error(turn: Turn, error: ToolError) -> Iterator[Speech]:
    state = turn.state
    origin, destination = route_of(state.draft)
    today = turn.context.today_at(origin)
    match error:
        case DateBeyondHorizon():
            yield from ask_other_date(turn, failure(turn, error, today))
        case DateInPast():
            there = turn.language.weekday_date(error.today or today)
            yield from ask_other_date(turn, turn.say("date_in_past", today=there))
        case SamePlace() | PlaceUnknown():
            state.drafting, state.draft = True, replace(state.draft, destination=None)
            if isinstance(error, SamePlace):
                yield turn.say("same_place", origin=origin.city, destination=destination.city)
            else:
                yield turn.say("unknown_place", text=destination.city)
            yield turn.ask(About.DESTINATION, "ask_destination_from", origin=origin.city)
        case ToolRestricted():  # usually because a provider's plan excludes the date
            state.drafting = True
            yield failure(turn, error, today)
            yield turn.ask(About.DATE, "other_day")
        case ToolUsedUp():
            yield failure(turn, error, today)
        case _:
            yield failure(turn, error, today)
            yield turn.ask(About.RETRY, "try_again")
