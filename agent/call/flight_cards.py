"""Flight cards and tool calls for the caller's screen, as JSON text streams in the room.

A flight card, on `TOPIC_FLIGHTS`:

    {"tool_call_id", "outcome", "sample": true,
     "query": {"origin": {"code", "name"}, "destination": {"code", "name"}, "depart_date": "2026-11-24", …as searched},
     "flights": [{"itinerary_id", "carrier", "carrier_code", "flight_number", "stops", "duration_minutes", "sample",
                  "depart": {"time": "06:10", "date": "2026-11-24", "airport": "MAA", "city": "Chennai"},
                  "arrive": {"time": "08:55", "date": "2026-11-24", "airport": "DEL", "city": "Delhi", "day_offset": 0},
                  "price": {"amount": "5210.00", "currency": "INR"}, "via": ["Dubai"], "sold_out": false, "co2e_kg": 322}]}

`back` is the return flight of a round trip, in the same form; `price` is then for both flights. Times are local to the airports.
`offer`: the seller at this price and the offer's end, {"seller", "expire_time"}; null without a named seller.
`price` is null when unknown, as is `co2e_kg`, an estimate for one passenger. A failed search has an outcome and no flights.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from decimal import Decimal
from typing import Any

import structlog
from livekit import rtc

from agent.dialogue import records
from agent.dialogue.tools import FlightStop, Itinerary, Price
from agent.dialogue.turn import ToolFinished, ToolStarted

TOPIC_TOOLS = "readback.tools"
"""One JSON object per tool call: `{"tool_call_id", "name", "arguments", "outcome"}`."""
TOPIC_FLIGHTS = "readback.flights"
"""One JSON object per search."""

_CENT = Decimal("0.01")
_log = structlog.get_logger(__name__)


class RoomPublisher:
    """Sender of tool calls and flight cards to everyone in a room. A message that can't be sent is dropped."""

    def __init__(self, room: rtc.Room) -> None:
        self._room = room

    async def tool_used(self, started: ToolStarted, outcome: str) -> None:
        """Publish a finished tool call."""
        message = {
            "tool_call_id": started.tool_call_id,
            "name": started.name,
            "arguments": dict(started.arguments),
            "outcome": outcome,
        }
        await self._send(TOPIC_TOOLS, message)

    async def flights_found(self, card: Mapping[str, Any]) -> None:
        """Publish a flight card."""
        await self._send(TOPIC_FLIGHTS, card)

    async def _send(self, topic: str, message: Mapping[str, Any]) -> None:
        try:
            await self._room.local_participant.send_text(json.dumps(message, ensure_ascii=False), topic=topic)
        except (ConnectionError, RuntimeError) as error:
            _log.info("room message not sent", topic=topic, error=str(error))


def flights_card(arguments: Mapping[str, Any], finished: ToolFinished) -> Mapping[str, Any] | None:
    """Return the card of a search, None for other tools."""
    if finished.name != "search_flights":
        return None
    result = finished.result
    places = {end: _place(result.get(end), arguments.get(end)) for end in ("origin", "destination")}
    return {
        "tool_call_id": finished.tool_call_id,
        "outcome": finished.outcome,
        "sample": bool(result.get("sample")),
        "query": {**arguments, **places},
        "flights": [_flight(records.itinerary(data)) for data in result.get("itineraries", ())],
    }


def _place(place: Mapping[str, Any] | None, code: Any) -> Mapping[str, Any]:
    if place is None:
        return {"code": code, "name": code}
    return {"code": place["code"], "name": place.get("city") or place["name"]}


def _flight(itinerary: Itinerary) -> Mapping[str, Any]:
    first = itinerary.segments[0]
    days = (itinerary.arrival.local.date() - itinerary.departure.local.date()).days
    return {
        "itinerary_id": itinerary.itinerary_id,
        "carrier": first.carrier,
        "carrier_code": first.carrier_code,
        "flight_number": first.flight_number,
        "depart": _stop(itinerary.departure),
        "arrive": {**_stop(itinerary.arrival), "day_offset": days},
        "duration_minutes": round(itinerary.duration.total_seconds() / 60),
        "price": _price(itinerary.total),
        "stops": itinerary.stops,
        "via": _connections(itinerary),
        "sold_out": itinerary.sold_out,
        "co2e_kg": _co2e_kg(itinerary),
        "sample": itinerary.sample,
        "offer": _offer(itinerary),
        "back": _flight(itinerary.back) if itinerary.back else None,
    }


def _connections(itinerary: Itinerary) -> list[str]:
    """Return the connecting cities with their inconveniences: "London, overnight, from LGW"."""
    layovers = itinerary.data.get("layovers") or [{}] * itinerary.stops
    return [
        segment.arrival.city
        + ", overnight" * bool(layover.get("overnight"))
        + (f", from {layover['next_airport_code']}" if layover.get("next_airport_code") else "")
        for segment, layover in zip(itinerary.segments, layovers, strict=False)
    ]


def _offer(itinerary: Itinerary) -> Mapping[str, Any] | None:
    offer = itinerary.data.get(records.OFFER)
    return {"seller": offer.get("seller", ""), "expire_time": offer["expire_time"]} if offer else None


def _co2e_kg(itinerary: Itinerary) -> int | None:
    grams = itinerary.data.get("emissions", {}).get("grams")
    return round(int(grams) / 1000) if grams else None


def _stop(stop: FlightStop) -> Mapping[str, Any]:
    local = stop.local
    return {
        "time": f"{local:%H:%M}",
        "date": local.date().isoformat(),
        "airport": stop.airport_code,
        "city": stop.city,
    }


def _price(price: Price | None) -> Mapping[str, str] | None:
    return {"amount": str(price.amount.quantize(_CENT)), "currency": price.currency} if price else None
