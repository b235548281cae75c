"""How a flight is doing: by its number, by pointing at one that was found, or by its route."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import date
from typing import Any

from agent.dialogue.events import Events, Speech
from agent.dialogue.flows.drafting import beyond
from agent.dialogue.flows.offers import chosen_of
from agent.dialogue.flows.route_status import route_of, route_status
from agent.dialogue.phrasing import phrase
from agent.dialogue.spoken_forms import day, flight
from agent.dialogue.state import About, Question
from agent.dialogue.status_wording import status_sentences
from agent.dialogue.tool_use import ToolUse
from agent.dialogue.tools import DateBeyondHorizon, FlightNotFound, FlightStatus, Itinerary, ToolError
from agent.dialogue.turn import Turn
from agent.dialogue.wishes import Choice


@dataclass(frozen=True, slots=True)
class _Asked:
    """Which flight, on which day; None is today at its departure."""

    number: str
    day: date | None


async def flight_status(turn: Turn) -> Events:
    """Asks for the number when nothing tells it."""
    asked = _asked(turn)
    if asked is None and (route := route_of(turn)):
        async for event in route_status(turn, *route):
            yield event
        return
    if asked is None:
        yield turn.ask(About.FLIGHT_NUMBER, "ask_flight_number")
        return

    def describe(status: FlightStatus) -> tuple[str, Mapping[str, Any]]:
        return status.state or "UNKNOWN", {"status": dict(status.data)}

    arguments = {"flight_number": asked.number} | ({"date": asked.day.isoformat()} if asked.day else {})
    use = ToolUse("flight_status", arguments, lambda: turn.tools.flight_status(asked.number, asked.day), describe)
    async for event in turn.use(use):
        yield event
    told = _tell_error(turn, use.error, asked) if use.error or not use.answer else _tell(turn, use.answer)
    for speech in told:
        yield speech


def _asked(turn: Turn) -> _Asked | None:
    slots = turn.frame.slots
    when = slots.depart_date.day if slots.depart_date else None
    if slots.flight_number:
        return _Asked(slots.flight_number, when)
    if route_of(turn):
        return None
    pointed_at = _pointed_at(turn)
    if pointed_at is None:
        return None
    return _Asked(pointed_at.segments[0].flight_number, when or pointed_at.departure.local.date())


def _pointed_at(turn: Turn) -> Itinerary | None:
    """The flight on offer that is meant: the one chosen in words, or the one talked about."""
    state, slots = turn.state, turn.frame.slots
    if state.offer and (slots.choice or slots.airline or slots.depart_time):
        choice = slots.choice or Choice()
        return chosen_of(state.offer, replace(choice, airline=choice.airline or slots.airline), slots.depart_time)
    if state.chosen:
        return state.chosen
    only = state.offer.itineraries if state.offer else ()
    return only[0] if len(only) == 1 else None


def _tell_error(turn: Turn, error: ToolError | None, asked: _Asked) -> Iterator[Speech]:
    if isinstance(error, FlightNotFound):
        today = turn.today_at(None)
        yield turn.ask(About.FLIGHT_NUMBER, "flight_not_found", flight=flight(asked.number), day=day(asked.day or today, today))
    elif isinstance(error, DateBeyondHorizon):
        yield Speech(beyond(error.last_date, turn.today_at(None)))
    else:
        yield Speech(phrase("unavailable"))


def _tell(turn: Turn, status: FlightStatus) -> Iterator[Speech]:
    for sentence in status_sentences(status, turn.context.now):
        yield Speech(sentence)
    if status.sample and not turn.state.sample_told:
        turn.state.sample_told = True
        yield Speech(phrase("status_sample"))
