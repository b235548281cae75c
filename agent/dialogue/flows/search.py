"""Searching flights: put the request together, ask for what is missing, search, tell."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from agent.dialogue.flows.drafting import ask_other_date, begin, beyond, departure_day, merge, next_question
from agent.dialogue.flows.reading_out import tell_offer
from agent.dialogue.state import About, Draft, Offer, Question
from agent.dialogue.tool_use import ToolUse
from agent.dialogue.tools import (
    DateBeyondHorizon,
    DateInPast,
    PlaceUnknown,
    SamePlace,
    SearchAnswer,
    SearchFlightsRequest,
    ToolError,
    ToolRestricted,
    ToolUsedUp,
)
from agent.dialogue.turn import Events, Speech, Turn
from agent.language.en.clock_times import TimeWindow
from agent.language.en.dates import CalendarDay
from agent.language.en.phrases import phrase
from agent.language.en.spoken_forms import counted, day, weekday_date
from agent.language.en.wording import why_untold, wishes_of


async def search(turn: Turn) -> Events:
    """A new search, an answer to a question about one, or a change to the last."""
    begin(turn)
    for complaint in merge(turn):
        yield complaint
    async for event in advance(turn):
        yield event


async def search_by_merit(turn: Turn) -> Events:
    """The cheapest, earliest, latest or fastest of all flights, when only some of them are known: asks the service again, in that order."""
    choice = turn.frame.slots.choice
    turn.state.draft = replace(turn.state.draft, sort=choice.by if choice else None)
    async for event in advance(turn):
        yield event


async def way_back(turn: Turn) -> Events:
    """The last journey in the other direction, on the day of return if one was said."""
    draft = turn.state.draft
    when = CalendarDay(draft.back.day, draft.back.month, draft.back.year) if draft.back else None
    turn.state.draft = replace(
        draft.without_wishes(), origin=draft.destination, destination=draft.origin, depart=when, back=None
    )
    for complaint in merge(turn):
        yield complaint
    if turn.state.draft.depart is None:
        yield turn.ask(About.DATE, "ask_way_back")
        return
    async for event in advance(turn):
        yield event


async def advance(turn: Turn) -> Events:
    """Asks for what is missing, or searches."""
    questions = list(next_question(turn))
    for question in questions:
        yield question
    if not questions:
        async for event in _run(turn):
            yield event


def request_of(turn: Turn) -> SearchFlightsRequest:
    """The request of a whole draft."""
    draft, when = turn.state.draft, departure_day(turn)
    assert draft.origin is not None
    assert draft.destination is not None
    assert when is not None
    departs, arrives = draft.window or TimeWindow(), draft.arrival or TimeWindow()
    return SearchFlightsRequest(
        origin=draft.origin.code,
        destination=draft.destination.code,
        depart_date=when,
        return_date=draft.back if draft.back and draft.back >= when else None,
        depart_from=departs.start,
        depart_until=departs.end,
        arrive_from=arrives.start,
        arrive_until=arrives.end,
        nonstop=draft.nonstop,
        max_stops=draft.max_stops,
        via=draft.via.code if draft.via else "",
        carrier_code=draft.airline or "",
        carrier_codes=draft.airlines,
        without_carrier_codes=draft.without_airlines,
        sort=draft.sort or "",
        cabin=draft.cabin or "",
        passengers=max(draft.passengers, 1),
    )


async def _run(turn: Turn) -> Events:
    request, draft = request_of(turn), turn.state.draft

    def describe(answer: SearchAnswer) -> tuple[str, Mapping[str, Any]]:
        return answer.outcome, _result(answer, draft)

    use = ToolUse("search_flights", request.to_json(), lambda: turn.tools.search_flights(request), describe)
    async for event in use.events(turn):
        yield event
    turn.state.drafting = False
    if use.error:
        for speech in _tell_error(turn, use.error):
            yield speech
        return
    assert use.answer is not None
    turn.state.offer = Offer(request, use.answer.itineraries, use.answer.total)
    turn.state.chosen = None
    for speech in (
        tell_offer(turn, use.answer) if use.answer.itineraries else _tell_empty(turn, use.answer, request)
    ):
        yield speech


def _result(answer: SearchAnswer, draft: Draft) -> Mapping[str, Any]:
    """What the transcript keeps: enough to draw the cards and to go on from there in another call."""
    assert draft.origin is not None
    assert draft.destination is not None
    return {
        "outcome": answer.outcome,
        "total": answer.total,
        "total_unfiltered": answer.total_unfiltered,
        "sample": answer.sample,
        "partial": answer.partial,
        "origin": draft.origin.to_json(),
        "destination": draft.destination.to_json(),
        **({"via": draft.via.to_json()} if draft.via else {}),
        "itineraries": [dict(itinerary.data) for itinerary in answer.itineraries],
    }


def _tell_empty(turn: Turn, answer: SearchAnswer, request: SearchFlightsRequest) -> list[Speech]:
    draft = turn.state.draft
    assert draft.origin is not None
    assert draft.destination is not None
    origin, destination, when = (
        draft.origin.city,
        draft.destination.city,
        day(request.depart_date, turn.today_at(draft.origin)),
    )
    if answer.total_unfiltered and draft.has_wishes:
        others = counted(answer.total_unfiltered, "flight")
        name = "empty_then" if draft.wishes_of_time_alone else "empty_filtered"
        parts = {
            "origin": origin,
            "destination": destination,
            "day": when,
            "wishes": wishes_of(draft),
            "others": others,
        }
        return [turn.question(Question(About.DROP_WISHES, phrase(name, **parts)))]
    turn.state.drafting = True
    there = {"origin": origin, "destination": destination, "day": when}
    back = request.return_date and day(request.return_date, turn.today_at(draft.origin))
    why = phrase("empty_return", **there, back=back) if back else phrase("empty", **there)
    only = [Speech(phrase("partial"))] if answer.partial else []
    return [Speech(why), *only, turn.ask(About.DATE, "other_day")]


def _tell_error(turn: Turn, error: ToolError) -> list[Speech]:
    state = turn.state
    origin = state.draft.origin
    assert origin is not None
    if isinstance(error, DateBeyondHorizon):
        return list(ask_other_date(turn, beyond(error.last_date, turn.today_at(origin))))
    if isinstance(error, DateInPast):
        today = error.today or turn.today_at(origin)
        return list(ask_other_date(turn, phrase("date_in_past", today=weekday_date(today))))
    if isinstance(error, SamePlace | PlaceUnknown):
        destination = state.draft.destination
        assert destination is not None
        state.drafting, state.draft = True, replace(state.draft, destination=None)
        why = (
            phrase("same_place", origin=origin.city, destination=destination.city)
            if isinstance(error, SamePlace)
            else phrase("unknown_place", text=destination.city)
        )
        return [Speech(why), turn.ask(About.DESTINATION, "ask_destination_from", origin=origin.city)]
    sorry = Speech(why_untold(error, turn.today_at(origin)))
    if isinstance(error, ToolRestricted):  # more often than not it is the day that a plan refuses
        state.drafting = True
        return [sorry, turn.ask(About.DATE, "other_day")]
    if isinstance(error, ToolUsedUp):
        return [sorry]
    return [sorry, turn.ask(About.RETRY, "try_again")]
