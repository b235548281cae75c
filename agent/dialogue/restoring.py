"""State restored from the transcript: a new call in the same conversation continues the last search."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date, time
from typing import Any

from agent.dialogue.places import Place
from agent.dialogue.state import DialogueState, Draft, FlightList
from agent.dialogue.tools import SearchFlightsRequest
from agent.dialogue.transcript_json import flight_from_json
from agent.language.days import CalendarDay
from agent.language.meanings import TimeWindow

_READ_OUT = 3
"""Flights that count as read out in the earlier call."""


@dataclass(frozen=True, slots=True)
class ToolRecord:
    """A tool call and its answer as the transcript keeps them."""

    name: str
    arguments: Mapping[str, Any]
    outcome: str
    result: Mapping[str, Any]


def restored_state(history: Iterable[ToolRecord]) -> DialogueState:
    """Return the state after these tool calls.

    Unreadable records, for example of an older release, are skipped.
    """
    state = DialogueState()
    for record in history:
        if record.name == "search_flights" and record.outcome in ("FOUND", "EMPTY"):
            try:
                state.draft, state.flight_list = _search(record.arguments, record.result)
            except (KeyError, TypeError, ValueError, AttributeError):
                continue
    return state


def _search(arguments: Mapping[str, Any], result: Mapping[str, Any]) -> tuple[Draft, FlightList]:
    request = _request(arguments)
    draft = Draft(
        origin=Place.from_json(result["origin"]),
        destination=Place.from_json(result["destination"]),
        via=Place.from_json(result["via"]) if result.get("via") else None,
        depart=CalendarDay.of(request.depart_date),
        back=request.return_date,
        window=_window(request.depart_from, request.depart_until),
        arrival=_window(request.arrive_from, request.arrive_until),
        airline=request.carrier_code or None,
        airlines=request.carrier_codes,
        without_airlines=request.without_carrier_codes,
        nonstop=request.nonstop,
        max_stops=request.max_stops,
        sort=request.sort or None,
        cabin=request.cabin or None,
        passengers=request.passengers,
    )
    flights = tuple(flight_from_json(data) for data in result.get("itineraries", ()))
    return draft, FlightList(request, flights, int(result.get("total", 0)), min(_READ_OUT, len(flights)))


def _request(arguments: Mapping[str, Any]) -> SearchFlightsRequest:
    """Return the request that `SearchFlightsRequest.to_json` wrote."""
    return_date = arguments.get("return_date")
    times = {
        f"{end}_{side}": time.fromisoformat(text) if (text := arguments.get(f"{end}_{side}")) else None
        for end in ("depart", "arrive")
        for side in ("from", "until")
    }
    return SearchFlightsRequest(
        origin=arguments["origin"],
        destination=arguments["destination"],
        depart_date=date.fromisoformat(arguments["depart_date"]),
        return_date=date.fromisoformat(return_date) if return_date else None,
        **times,
        nonstop=bool(arguments.get("nonstop")),
        max_stops=int(arguments["max_stops"]) if "max_stops" in arguments else None,
        via=arguments.get("via", ""),
        carrier_code=arguments.get("carrier_code", ""),
        carrier_codes=tuple(arguments.get("carrier_codes", ())),
        without_carrier_codes=tuple(arguments.get("without_carrier_codes", ())),
        sort=arguments.get("sort", ""),
        cabin=arguments.get("cabin", ""),
        passengers=int(arguments.get("passengers", 1)),
    )


def _window(start: time | None, end: time | None) -> TimeWindow | None:
    return TimeWindow(start, end) if start or end else None
