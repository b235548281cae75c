"""Restoring of the state from the transcript. So a new call in a conversation continues its last search."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import time
from typing import Any

from readback.flightdata.v1 import flights_pb2

from agent.dialogue.flows.reading_out import READ_AT_ONCE
from agent.dialogue.places import Place
from agent.dialogue.state import DialogueState, Draft, FlightList
from agent.dialogue.transcript_json import flight_from_json
from agent.language.days import CalendarDay
from agent.language.flight_times import day_of
from agent.language.meanings import TimeWindow
from mesh.contracts.tool_arguments import request_from
from mesh.errors import InvalidRequest


@dataclass(frozen=True, slots=True)
class ToolRecord:
    """A tool call and its result, as recorded in the transcript."""

    name: str
    arguments: Mapping[str, Any]
    outcome: str
    result: Mapping[str, Any]


def restored_state(history: Iterable[ToolRecord]) -> DialogueState:
    """Return the dialogue state after these tool calls.

    Records that can't be read, for example from an older release, are skipped.
    """
    state = DialogueState()
    for record in history:
        if record.name == "search_flights" and record.outcome in ("FOUND", "EMPTY"):
            try:
                state.draft, state.flight_list = _search(record.arguments, record.result)
            except (InvalidRequest, KeyError, TypeError, ValueError, AttributeError):
                continue
    return state


def _search(arguments: Mapping[str, Any], result: Mapping[str, Any]) -> tuple[Draft, FlightList]:
    request = request_from(flights_pb2.SearchFlightsRequest.DESCRIPTOR, arguments)
    assert isinstance(request, flights_pb2.SearchFlightsRequest)
    draft = Draft(
        origin=Place.from_json(result["origin"]),
        destination=Place.from_json(result["destination"]),
        via=Place.from_json(result["via"]) if result.get("via") else None,
        depart=CalendarDay.of(day_of(request.depart_date)),
        back=day_of(request.return_date) if request.HasField("return_date") else None,
        window=_window(arguments, "depart"),
        arrival=_window(arguments, "arrive"),
        airline=request.carrier_code or None,
        airlines=tuple(request.carrier_codes),
        without_airlines=tuple(request.without_carrier_codes),
        nonstop=request.nonstop,
        max_stops=request.max_stops if request.HasField("max_stops") else None,
        sort=arguments.get("sort"),
        cabin=arguments.get("cabin"),
        passengers=max(request.passengers, 1),
    )
    flights = tuple(flight_from_json(data) for data in result.get("itineraries", ()))
    return draft, FlightList(request, flights, int(result.get("total", 0)), min(READ_AT_ONCE, len(flights)))


def _window(arguments: Mapping[str, Any], end: str) -> TimeWindow | None:
    since, until = (
        time.fromisoformat(text) if (text := arguments.get(f"{end}_{side}")) else None
        for side in ("from", "until")
    )
    return TimeWindow(since, until) if since or until else None
