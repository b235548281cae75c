"""JSON form of tool results in the transcript: contract messages with protobuf's field names.

A found flight is an `Itinerary` with two optional additional fields: `way_back`, the itinerary of the return
flight, and `offer`, the cheapest `Offer`.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from google.protobuf.json_format import MessageToDict, ParseDict, ParseError
from google.protobuf.message import Message
from readback.flightdata.v1 import flights_pb2

from agent.language.found_flight import FoundFlight

Json = dict[str, Any]


def to_json(message: Message) -> dict[str, Any]:
    """Return a message as JSON values."""
    plain: dict[str, Any] = MessageToDict(message, preserving_proto_field_name=True)
    return plain


def flight_to_json(flight: FoundFlight) -> dict[str, Any]:
    """Return a found flight in the JSON form of the transcript."""
    data = to_json(flight.there)
    if flight.offer:
        data["offer"] = to_json(flight.offer)
    if flight.back:
        data["way_back"] = to_json(flight.back)
    return data


def flight_from_json(data: Json) -> FoundFlight:
    """Return the found flight from its JSON form, as written by this or an earlier release.

    Raises:
        ValueError: the data is malformed, or a required part is missing.
    """
    back, offer = data.get("way_back"), data.get("offer")
    try:
        return checked(
            FoundFlight(
                ParseDict(data, flights_pb2.Itinerary(), ignore_unknown_fields=True),
                ParseDict(back, flights_pb2.Itinerary(), ignore_unknown_fields=True) if back else None,
                ParseDict(offer, flights_pb2.Offer(), ignore_unknown_fields=True) if offer else None,
            )
        )
    except ParseError as error:
        raise ValueError(str(error)) from error


def checked(flight: FoundFlight) -> FoundFlight:
    """Return the flight unchanged. Raises ValueError if a part is missing that the sentences need."""
    for itinerary in filter(None, (flight.there, flight.back)):
        if not itinerary.itinerary_id or not itinerary.segments:
            raise ValueError("itinerary without an id or without segments")
        require_stops(stop for segment in itinerary.segments for stop in (segment.departure, segment.arrival))
    return flight


def require_stops(stops: Iterable[flights_pb2.Stop]) -> None:
    """Raise ValueError if a stop has no time or no time zone."""
    if not all(stop.HasField("time") and stop.time_zone for stop in stops):
        raise ValueError("stop without a time or a time zone")
