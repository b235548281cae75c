"""Status of a flight, named by its flight number, as one of the found flights, or by its route."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import date

from readback.conversation.v1 import entry_pb2
from readback.flightdata.v1 import flight_status_pb2

from agent.dialogue.flows.reading_out import chosen_of
from agent.dialogue.flows.route_status import named_route, route_status
from agent.dialogue.state import About, Question
from agent.dialogue.tool_use import ToolUse, failure
from agent.dialogue.tools import FlightNotFound, ToolError
from agent.dialogue.turn import Events, Speech, Turn
from agent.language.flight_times import date_message, local
from agent.language.found_flight import FoundFlight
from agent.language.meanings import Choice


@dataclass(frozen=True, slots=True)
class _Asked:
    """A flight number and a day. If `day` is None, it is today at the flight's origin."""

    number: str
    day: date | None


async def flight_status(turn: Turn) -> Events:
    """Report the status of a flight or of the flights of a route. If neither is known, ask for the number."""
    asked, route = _asked(turn), named_route(turn)
    if asked is None and route:
        async for event in route_status(turn, *route, _day(turn)):
            yield event
        return
    if asked is None:
        yield _ask_number(turn, turn.language.phrase("ask_flight_number"), _day(turn))
        return

    def describe(status: flight_status_pb2.FlightStatus) -> entry_pb2.ToolResult:
        response = flight_status_pb2.GetFlightStatusResponse(statuses=[status])
        return entry_pb2.ToolResult(outcome=entry_pb2.TOOL_OUTCOME_FOUND, flight_status=response)

    request = flight_status_pb2.GetFlightStatusRequest(
        flight_number=asked.number, departure_date=date_message(asked.day)
    )
    use = ToolUse("flight_status", request, (), lambda: turn.tools.flight_status(request), describe)
    async for event in use.events(turn):
        yield event
    for speech in _tell(turn, use.answer) if use.answer else _tell_error(turn, use.error, asked):
        yield speech


def _day(turn: Turn) -> date | None:
    """Return the day named in this utterance, or in the one before the agent asked for the flight number."""
    slot, answered = turn.frame.slots.departure_date, turn.answered
    if slot:
        return slot.day
    return answered.day if answered and answered.about is About.FLIGHT_NUMBER else None


def _ask_number(turn: Turn, words: str, day: date | None) -> Speech:
    return turn.question(Question(About.FLIGHT_NUMBER, words, day=day))


def _asked(turn: Turn) -> _Asked | None:
    slots = turn.frame.slots
    if slots.flight_number:
        return _Asked(slots.flight_number, _day(turn))
    flight = None if named_route(turn) else _pointed_at(turn)
    if flight is None:
        return None
    named = slots.departure_date.day if slots.departure_date else None
    return _Asked(flight.there.segments[0].flight_number, named or local(flight.departure).date())


def _pointed_at(turn: Turn) -> FoundFlight | None:
    """Return the found flight that the caller means: one they describe, or the one chosen before."""
    state, slots = turn.state, turn.frame.slots
    # "Is it on time this evening" means the chosen flight, whatever its time.
    means_chosen = turn.language.speaks_of("flight_in_question", turn.text)
    if state.chosen and means_chosen and not (slots.choice or slots.airline):
        return state.chosen
    if state.flight_list and (slots.choice or slots.airline or slots.depart_time):
        choice = slots.choice or Choice()
        return chosen_of(
            state.flight_list, replace(choice, airline=choice.airline or slots.airline), slots.depart_time
        )
    if state.chosen:
        return state.chosen
    flights = state.flight_list.flights if state.flight_list else ()
    return flights[0] if len(flights) == 1 else None


def _tell(turn: Turn, status: flight_status_pb2.FlightStatus) -> Iterator[Speech]:
    for sentence in turn.language.status_sentences(status, turn.context.now):
        yield Speech(sentence)
    if status.provenance.sample and not turn.state.sample_mentioned:
        turn.state.sample_mentioned = True
        yield turn.say("status_sample")


def _tell_error(turn: Turn, error: ToolError | None, asked: _Asked) -> Iterator[Speech]:
    today = turn.context.today_at(None)
    if isinstance(error, FlightNotFound):
        day = turn.language.day(asked.day or today, today)
        words = turn.language.phrase("flight_not_found", flight=turn.language.flight(asked.number), day=day)
        yield _ask_number(turn, words, asked.day)
    else:
        yield failure(turn, error, today)
