"""Flight cards and tool calls for the web app, sent as JSON text streams in the room.

A flight card, on `TOPIC_FLIGHTS`:

    {"tool_call_id", "outcome", "sample": true,
     "query": {"origin": {"code", "name"}, "destination": {"code", "name"},
               "depart_date": "2026-11-24", …as searched},
     "flights": [{"itinerary_id", "carrier", "carrier_code", "flight_number", "stops", "duration_minutes",
                  "depart": {"time": "06:10", "date": "2026-11-24", "airport": "MAA", "city": "Chennai"},
                  "arrive": {"time": "08:55", "date": …, "airport": "DEL", "city": "Delhi", "day_offset": 0},
                  "price": {"amount": "5210.00", "currency": "INR"}, "via": ["Dubai"], "sold_out": false,
                  "co2e_kg": 322, "sample"}]}

Times are local to the airports. `back` is the return flight of a round trip, in the same form; `price` then
covers both flights. `offer` is `{"seller", "expire_time"}`: the company that sells at this price, and the
time until which the price is valid. `co2e_kg` is an estimate for one passenger. `back`, `offer`, `price` and
`co2e_kg` are null if unknown. A failed search has an outcome and no flights.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Mapping
from decimal import Decimal
from typing import Any

import structlog
from google.type.money_pb2 import Money
from livekit import rtc
from readback.flightdata.v1 import flightdata_service_pb2 as pb

from agent.dialogue.transcript_json import flight_from_json
from agent.dialogue.turn import ToolFinished, ToolStarted
from agent.language import ENGLISH, Language
from agent.language.flight_times import local
from agent.language.found_flight import FoundFlight

TOPIC_TOOLS = "readback.tools"
"""One JSON object per tool call: `{"tool_call_id", "name", "arguments", "outcome"}`."""
TOPIC_FLIGHTS = "readback.flights"
"""One JSON object per search."""

_SEND_WITHIN_S = 1.0
"""Maximum time to send a message. The answer that follows must not wait for a broken connection."""
_CENT = Decimal("0.01")
_log = structlog.get_logger(__name__)


class RoomPublisher:
    """Sender of tool calls and flight cards to all participants of a room.

    It drops a message that can't be sent.
    """

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
        text = json.dumps(message, ensure_ascii=False)
        try:
            async with asyncio.timeout(_SEND_WITHIN_S):
                await self._room.local_participant.send_text(text, topic=topic)
        except Exception as error:  # noqa: BLE001 - the answer must be spoken even if its card is lost
            _log.warning("room message not sent", topic=topic, error=repr(error))


def flights_card(
    arguments: Mapping[str, Any], finished: ToolFinished, language: Language = ENGLISH
) -> Mapping[str, Any] | None:
    """Return the flight card of a finished search, or None for any other tool."""
    if finished.name != "search_flights":
        return None
    result = finished.result
    places = {end: _place(result.get(end), arguments.get(end)) for end in ("origin", "destination")}
    return {
        "tool_call_id": finished.tool_call_id,
        "outcome": finished.outcome,
        "sample": bool(result.get("sample")),
        "query": {**arguments, **places},
        "flights": [_flight(flight_from_json(data), language) for data in result.get("itineraries", ())],
    }


def _place(place: Mapping[str, Any] | None, code: Any) -> Mapping[str, Any]:
    if place is None:
        return {"code": code, "name": code}
    return {"code": place["code"], "name": place.get("city") or place["name"]}


def _flight(flight: FoundFlight, language: Language) -> Mapping[str, Any]:
    there, first, last = flight.there, flight.there.segments[0], flight.there.segments[-1]
    days = (local(last.arrival).date() - local(first.departure).date()).days
    return {
        "itinerary_id": there.itinerary_id,
        "carrier": first.carrier or first.carrier_code,
        "carrier_code": first.carrier_code,
        "flight_number": first.flight_number,
        "depart": _stop(first.departure),
        "arrive": {**_stop(last.arrival), "day_offset": days},
        "duration_minutes": round(there.duration.ToTimedelta().total_seconds() / 60),
        "price": _price(flight.total),
        "stops": len(there.segments) - 1,
        "via": _connections(there, language),
        "sold_out": flight.sold_out,
        "co2e_kg": round(there.emissions.grams / 1000) if there.emissions.grams else None,
        "sample": there.provenance.sample,
        "offer": _offer(flight.offer),
        "back": _flight(FoundFlight(flight.back), language) if flight.back else None,
    }


def _connections(itinerary: pb.Itinerary, language: Language) -> list[str]:
    """Return each connecting city with its inconveniences, for example "London, overnight, from LGW"."""
    cities = [segment.arrival.city for segment in itinerary.segments[:-1]]
    layovers = list(itinerary.layovers) or [pb.Layover()] * len(cities)
    return [
        language.change_words(city, overnight=layover.overnight, next_airport=layover.next_airport_code)
        for city, layover in zip(cities, layovers, strict=False)
    ]


def _offer(offer: pb.Offer | None) -> Mapping[str, Any] | None:
    return {"seller": offer.seller, "expire_time": offer.expire_time.ToJsonString()} if offer else None


def _stop(stop: pb.Stop) -> Mapping[str, Any]:
    moment = local(stop)
    return {
        "time": f"{moment:%H:%M}",
        "date": moment.date().isoformat(),
        "airport": stop.airport_code,
        "city": stop.city,
    }


def _price(money: Money | None) -> Mapping[str, str] | None:
    if money is None:
        return None
    amount = Decimal(money.units) + Decimal(money.nanos) / 1_000_000_000
    return {"amount": str(amount.quantize(_CENT)), "currency": money.currency_code}
