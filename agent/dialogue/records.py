"""Answers from their JSON form: what the service says and what the transcript remembers are read by the same code."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any

from agent.dialogue.tools import AirportFacts, FlightStatus, FlightStop, Itinerary, Price, Segment

Json = Mapping[str, Any]
WAY_BACK = "way_back"
"""The field that a journey's way there has beside those of `Itinerary`."""
OFFER = "offer"
"""The field that what somebody sells has: the cheapest `Offer`."""


def _instant(text: str) -> datetime:
    return datetime.fromisoformat(text.replace("Z", "+00:00"))


def _known(data: Json, name: str) -> datetime | None:
    return _instant(data[name]) if data.get(name) else None


def _duration(text: str) -> timedelta:
    return timedelta(seconds=float(text.removesuffix("s")))


def _price(data: Json | None) -> Price | None:
    if not data:
        return None
    # int64 is a string in protobuf's JSON, and a float once it has been through a `Struct`.
    amount = Decimal(int(data.get("units", 0))) + Decimal(int(data.get("nanos", 0))) / 1_000_000_000
    return Price(data.get("currency_code", ""), amount)


def _stop(data: Json) -> FlightStop:
    return FlightStop(
        data["airport_code"],
        data.get("city", ""),
        _instant(data["time"]),
        data["time_zone"],
        data.get("terminal", ""),
    )


def _segment(data: Json) -> Segment:
    return Segment(
        data["carrier_code"],
        data.get("carrier") or data["carrier_code"],
        data["flight_number"],
        _stop(data["departure"]),
        _stop(data["arrival"]),
        _duration(data.get("duration", "0s")),
    )


def itinerary(data: Json) -> Itinerary:
    """Reads an `Itinerary`; raises KeyError or ValueError when a required part is missing or malformed."""
    fare, back = data.get("fare", {}), data.get(WAY_BACK)
    few_seats = "seats_left" in data or (back is not None and "seats_left" in back)
    return Itinerary(
        data["itinerary_id"],
        tuple(_segment(segment) for segment in data["segments"]),
        _duration(data.get("duration", "0s")),
        _price(fare.get("total")),
        _price(fare.get("per_passenger")),
        bool(data.get("provenance", {}).get("sample")),
        data,
        few_seats and not fare,
        itinerary(back) if back else None,
    )


def journey(out: Json, back: Json, fare: Json | None) -> Itinerary:
    """Reads two `Itinerary`s as a journey there and back at the fare for both, and raises as `itinerary`."""
    there = {name: value for name, value in out.items() if name != "fare"}
    return itinerary({**there, WAY_BACK: dict(back)} | ({"fare": dict(fare)} if fare else {}))


def _date(data: Json) -> date:
    return date(int(data["year"]), int(data["month"]), int(data["day"]))


def flight_status(data: Json) -> FlightStatus:
    """Reads a `FlightStatus`; raises KeyError or ValueError when a required part is missing or malformed."""
    return FlightStatus(
        data["flight_number"],
        data.get("carrier", ""),
        _date(data["depart_date"]),
        data.get("state", "").removeprefix("FLIGHT_STATE_"),
        _stop(data["scheduled_departure"]),
        _stop(data["scheduled_arrival"]),
        _known(data, "estimated_departure_time"),
        _known(data, "estimated_arrival_time"),
        _known(data, "actual_departure_time"),
        _known(data, "actual_arrival_time"),
        timedelta(minutes=int(data.get("delay_minutes", 0))),
        bool(data.get("provenance", {}).get("sample")),
        data,
    )


def airport(data: Json) -> AirportFacts:
    """Reads an `Airport`; raises KeyError when its code or zone is missing."""
    name, city, country = (str(data.get(field, "")) for field in ("name", "city", "country"))
    return AirportFacts(
        data["code"], name, city, country, data["time_zone"], int(data.get("elevation_feet", 0)), data
    )
