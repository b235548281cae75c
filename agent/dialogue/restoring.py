"""Restoring of the state from the transcript. So a new call in a conversation continues its last search."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import time

from google.type.timeofday_pb2 import TimeOfDay
from readback.conversation.v1 import entry_pb2
from readback.flightdata.v1 import flights_pb2

from agent.dialogue.flows.reading_out import READ_AT_ONCE
from agent.dialogue.places import Place
from agent.dialogue.search_answer import SearchAnswer
from agent.dialogue.state import DialogueState, Draft, FlightList
from agent.language.days import CalendarDay
from agent.language.flight_times import day_of
from agent.language.meanings import TimeWindow


def restored_state(
    history: Iterable[tuple[entry_pb2.ToolCall, entry_pb2.ToolResult]],
) -> DialogueState:
    """Return the dialogue state after these tool calls.

    Searches that can't be read, for example from a later release, are skipped.
    """
    state = DialogueState()
    for call, result in history:
        if call.HasField("search_flights") and result.HasField("search_flights"):
            try:
                answer = SearchAnswer.of(result.search_flights)
                draft = _draft(call.search_flights, {place.code: Place.of(place) for place in call.places})
            except (KeyError, ValueError):
                continue
            read = min(READ_AT_ONCE, len(answer.flights))
            state.draft = draft
            state.flight_list = FlightList(call.search_flights, answer.flights, answer.total, read)
    return state


def _draft(request: flights_pb2.SearchFlightsRequest, places: dict[str, Place]) -> Draft:
    """Return the draft of a search. Raises KeyError or ValueError for a place or value that is unknown."""
    leg, *further = request.legs
    codes = leg.carrier_codes
    return Draft(
        origin=places[leg.origin],
        destination=places[leg.destination],
        via=places[leg.via] if leg.via else None,
        depart=CalendarDay.of(day_of(leg.departure_date)),
        back=CalendarDay.of(day_of(further[0].departure_date)) if further else None,
        window=_window(leg, "departure"),
        arrival=_window(leg, "arrival"),
        returning=_window(further[0], "departure") if further else None,
        airline=codes[0] if len(codes) == 1 else None,
        airlines=tuple(codes) if len(codes) > 1 else (),
        without_airlines=tuple(leg.excluded_carrier_codes),
        nonstop=leg.HasField("max_stops") and leg.max_stops == 0,
        max_stops=leg.max_stops or None,
        sort=_word(flights_pb2.FlightSort.Name(request.sort), "FLIGHT_SORT_"),
        cabin=_word(flights_pb2.Cabin.Name(request.cabin), "CABIN_"),
        passengers=max(request.adults, 1),
    )


def _word(name: str, prefix: str) -> str | None:
    word = name.removeprefix(prefix).lower()
    return None if word == "unspecified" else word


def _window(leg: flights_pb2.SearchLeg, end: str) -> TimeWindow | None:
    since, until = (
        _time(getattr(leg, f"{end}_time_{side}")) if leg.HasField(f"{end}_time_{side}") else None  # type: ignore[arg-type]  # the name of a field
        for side in ("from", "before")
    )
    return TimeWindow(since, until) if since or until else None


def _time(message: TimeOfDay) -> time:
    return time(message.hours, message.minutes)
