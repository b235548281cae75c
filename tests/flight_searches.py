"""Requests for flights, one way or there and back."""

from __future__ import annotations

from datetime import date
from typing import Any

from google.type.date_pb2 import Date
from readback.flightdata.v1 import flights_pb2

_OF_THE_REQUEST = set(flights_pb2.SearchFlightsRequest.DESCRIPTOR.fields_by_name)


def search_request(
    origin: str, destination: str, day: date, *, back: date | None = None, **fields: Any
) -> flights_pb2.SearchFlightsRequest:
    """Return a request with these fields, of itself or of its first leg; `back` adds a second leg."""
    whole = {name: value for name, value in fields.items() if name in _OF_THE_REQUEST}
    of_leg = {name: value for name, value in fields.items() if name not in whole}
    legs = [_leg(origin, destination, day, **of_leg)]
    if back:
        legs.append(_leg(destination, origin, back))
    return flights_pb2.SearchFlightsRequest(legs=legs, **whole)


def _leg(origin: str, destination: str, day: date, **fields: Any) -> flights_pb2.SearchLeg:
    when = Date(year=day.year, month=day.month, day=day.day)
    return flights_pb2.SearchLeg(
        **{"origin": origin, "destination": destination, "departure_date": when} | fields
    )
