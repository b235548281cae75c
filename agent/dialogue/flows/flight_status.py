"""How a flight is doing: by its number, by pointing at one that was found, or by its route."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import date
from typing import Any

from agent.dialogue.flows.drafting import beyond
from agent.dialogue.flows.reading_out import chosen_of
from agent.dialogue.flows.route_status import route_of, route_status
from agent.dialogue.state import About, Question
from agent.dialogue.tool_use import ToolUse
from agent.dialogue.tools import DateBeyondHorizon, FlightNotFound, FlightStatus, Itinerary, ToolError
from agent.dialogue.turn import Events, Speech, Turn
from agent.language.en.phrases import phrase
from agent.language.en.spoken_forms import day, flight
from agent.language.en.status_wording import status_sentences
from agent.language.en.wishes import Choice
from agent.language.en.wording import why_untold

_IT = re.compile(r"\bit\b")
"""Says that the flight talked about is meant, whatever time is said of it: "is it on time this evening"."""


@dataclass(frozen=True, slots=True)
class _Asked:
    """Which flight, on which day; None is today at its departure."""

    number: str
    day: date | None


async def flight_status(turn: Turn) -> Events:
    """Asks for the number when nothing tells it."""
    asked = _asked(turn)
    if asked is None and (route := route_of(turn)):
        async for event in route_status(turn, *route, _day(turn)):
            yield event
        return
    if asked is None:
        yield _ask_number(turn, phrase("ask_flight_number"), _day(turn))
        return

    def describe(status: FlightStatus) -> tuple[str, Mapping[str, Any]]:
        return status.state or "UNKNOWN", {"status": dict(status.data)}

    arguments = {"flight_number": asked.number} | ({"date": asked.day.isoformat()} if asked.day else {})
    use = ToolUse(
        "flight_status", arguments, lambda: turn.tools.flight_status(asked.number, asked.day), describe
    )
    async for event in use.events(turn):
        yield event
    told = _tell_error(turn, use.error, asked) if use.error or not use.answer else _tell(turn, use.answer)
    for speech in told:
        yield speech


def _day(turn: Turn) -> date | None:
    """The day that was said, now or with what the number was asked for; None for none."""
    said, answered = turn.frame.slots.depart_date, turn.answered
    if said:
        return said.day
    return answered.day if answered and answered.about is About.FLIGHT_NUMBER else None


def _ask_number(turn: Turn, words: str, when: date | None) -> Speech:
    return turn.question(Question(About.FLIGHT_NUMBER, words, day=when))


def _asked(turn: Turn) -> _Asked | None:
    slots = turn.frame.slots
    if slots.flight_number:
        return _Asked(slots.flight_number, _day(turn))
    if route_of(turn):
        return None
    pointed_at = _pointed_at(turn)
    if pointed_at is None:
        return None
    said = slots.depart_date.day if slots.depart_date else None
    return _Asked(pointed_at.segments[0].flight_number, said or pointed_at.departure.local.date())


def _pointed_at(turn: Turn) -> Itinerary | None:
    """The flight on offer that is meant: the one chosen in words, or the one talked about."""
    state, slots = turn.state, turn.frame.slots
    if state.chosen and not (slots.choice or slots.airline) and _IT.search(turn.text):
        return state.chosen
    if state.offer and (slots.choice or slots.airline or slots.depart_time):
        choice = slots.choice or Choice()
        return chosen_of(
            state.offer, replace(choice, airline=choice.airline or slots.airline), slots.depart_time
        )
    if state.chosen:
        return state.chosen
    only = state.offer.itineraries if state.offer else ()
    return only[0] if len(only) == 1 else None


def _tell_error(turn: Turn, error: ToolError | None, asked: _Asked) -> Iterator[Speech]:
    if isinstance(error, FlightNotFound):
        today = turn.today_at(None)
        words = phrase("flight_not_found", flight=flight(asked.number), day=day(asked.day or today, today))
        yield _ask_number(turn, words, asked.day)
    elif isinstance(error, DateBeyondHorizon):
        yield Speech(beyond(error.last_date, turn.today_at(None)))
    else:
        yield Speech(why_untold(error, turn.today_at(None)))


def _tell(turn: Turn, status: FlightStatus) -> Iterator[Speech]:
    for sentence in status_sentences(status, turn.context.now):
        yield Speech(sentence)
    if status.sample and not turn.state.sample_told:
        turn.state.sample_told = True
        yield Speech(phrase("status_sample"))
