"""Flight cards: what the caller's page shows while the agent speaks of it, as plain JSON.

    {"tool_call_id", "outcome", "sample": true,
     "query": {"origin": {"code", "name"}, "destination": {"code", "name"}, "depart_date": "2026-11-24", …as searched},
     "flights": [{"itinerary_id", "carrier", "carrier_code", "flight_number", "stops", "duration_minutes", "sample",
                  "depart": {"time": "06:10", "date": "2026-11-24", "airport": "MAA", "city": "Chennai"},
                  "arrive": {"time": "08:55", "date": "2026-11-24", "airport": "DEL", "city": "Delhi", "day_offset": 0},
                  "price": {"amount": "5210.00", "currency": "INR"}, "via": ["Dubai"], "sold_out": false, "co2e_kg": 322}]}

`back` is the way back, a flight too, of a journey there and back: then `price` is for both. Times are those on the clocks of the airports.
`offer` tells who sells it at this price and until when, null when nobody does: {"seller", "expire_time"}.
`price` is null when it isn't known, as is `co2e_kg`, an estimate for one passenger. A failed search has an outcome and no flights.
"""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from agent.dialogue import records
from agent.dialogue.tools import FlightStop, Itinerary, Price
from agent.dialogue.turn import ToolFinished

_CENT = Decimal("0.01")


def flights_card(arguments: Mapping[str, Any], finished: ToolFinished) -> Mapping[str, Any] | None:
    """The card of a search; None for other tools."""
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
    return (
        {"code": place["code"], "name": place.get("city") or place["name"]}
        if place
        else {"code": code, "name": code}
    )


def _flight(itinerary: Itinerary) -> Mapping[str, Any]:
    first = itinerary.segments[0]
    days = (itinerary.arrival.local.date() - itinerary.departure.local.date()).days
    return {
        "itinerary_id": itinerary.itinerary_id,
        "carrier": first.carrier,
        "carrier_code": first.carrier_code,
        "flight_number": first.flight_number,
        "depart": _end(itinerary.departure),
        "arrive": {**_end(itinerary.arrival), "day_offset": days},
        "duration_minutes": round(itinerary.duration.total_seconds() / 60),
        "price": _price(itinerary.total),
        "stops": itinerary.stops,
        "via": _changes(itinerary),
        "sold_out": itinerary.sold_out,
        "co2e_kg": _kilograms(itinerary),
        "sample": itinerary.sample,
        "offer": _offer(itinerary),
        "back": _flight(itinerary.back) if itinerary.back else None,
    }


def _changes(itinerary: Itinerary) -> list[str]:
    """Where one changes, and what is unpleasant about it: "London, overnight, from LGW"."""
    layovers = itinerary.data.get("layovers") or [{}] * itinerary.stops
    return [
        segment.arrival.city
        + ", overnight" * bool(layover.get("overnight"))
        + (f", from {layover['next_airport_code']}" if layover.get("next_airport_code") else "")
        for segment, layover in zip(itinerary.segments, layovers, strict=False)
    ]


def _offer(itinerary: Itinerary) -> Mapping[str, Any] | None:
    """Who sells it at this price, and until when (an instant); None when nobody named does."""
    offer = itinerary.data.get(records.OFFER)
    return {"seller": offer.get("seller", ""), "expire_time": offer["expire_time"]} if offer else None


def _kilograms(itinerary: Itinerary) -> int | None:
    """The estimated emissions for one passenger; None when nobody estimated them."""
    grams = itinerary.data.get("emissions", {}).get("grams")
    return round(int(grams) / 1000) if grams else None


def _end(stop: FlightStop) -> Mapping[str, Any]:
    local = stop.local
    return {
        "time": f"{local:%H:%M}",
        "date": local.date().isoformat(),
        "airport": stop.airport_code,
        "city": stop.city,
    }


def _price(price: Price | None) -> Mapping[str, str] | None:
    return {"amount": str(price.amount.quantize(_CENT)), "currency": price.currency} if price else None
