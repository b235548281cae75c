"""Responses of `/airline` and `/trackbyroute`, in the documented and in the newer format (November 2025)."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date
from typing import Any

from services.flightdata.model.instants import Instant
from services.flightdata.places import Airport
from services.flightdata.places.lexicon import Lexicon
from services.flightdata.vendors.flight_numbers import canonical, operator_named
from services.flightdata.vendors.flight_state import Movement
from services.flightdata.vendors.json_fields import Json, code, integer, mapping, name, objects, text
from services.flightdata.vendors.legs import End, Leg, end_at, leg_between
from services.flightdata.vendors.local_times import at_clock, clock_and_day, clock_face, naive

STATUSES = {1: "Scheduled", 2: "Arrived", 3: "Departed", 4: "Delayed", 5: "Cancelled"}
"""Status numbers of the newer format."""


def flight_legs(body: Any, flight: str, day: date, lexicon: Lexicon) -> list[Leg]:
    """Read an `/airline` response for a flight number and a day of departure."""
    if isinstance(body, dict):
        return [leg for row in objects(body.get("flights")) if (leg := _newer(row, flight, day, lexicon))]
    leg = _older(body, flight, day, lexicon)
    return [leg] if leg else []


def route_legs(body: Any, origin: str, destination: str, day: date, lexicon: Lexicon) -> list[Leg]:
    """Read a `/trackbyroute` response for two airports and a day of departure."""
    if isinstance(body, dict):
        ends = {"departureAirportCode": origin, "arrivalAirportCode": destination}
        rows = (ends | dict(row) for row in objects(body.get("flights")))
        return [leg for row in rows if (leg := _newer(row, "", day, lexicon))]
    return [leg for row in objects(body) if (leg := _older_route(row, origin, destination, day, lexicon))]


def _older(body: Any, flight: str, day: date, lexicon: Lexicon) -> Leg | None:
    """Read `[{"departure": {…}}, {"arrival": {…}}, {"aircraft": {…}}, {"status": "…"}]`."""
    merged: dict[str, Any] = {}
    for part in objects(body):
        merged |= part
    aircraft = mapping(merged.get("aircraft"))
    return leg_between(
        _older_end(mapping(merged.get("departure")), "departure", day, lexicon),
        _older_end(mapping(merged.get("arrival")), "arrival", day, lexicon),
        lexicon,
        flight=flight,
        vendor_state=text(merged.get("status")),
        aircraft=name(aircraft.get("name")) or name(aircraft.get("code")),
    )


def _older_end(row: Json, end: str, day: date, lexicon: Lexicon) -> End | None:
    airport = lexicon.airports.get(code(row.get("airportCode"), 3))
    if airport is None:
        return None
    actual = ("outGateTime", "offGroundTime") if end == "departure" else ("inGateTime", "onGroundTime")
    movement = Movement(
        scheduled=_first(row, ("scheduledTime", f"{end}DateTime"), airport.zone, day),
        estimated=_first(row, ("estimatedTime",), airport.zone, day),
        actual=_first(row, actual, airport.zone, day),
    )
    return end_at(airport, movement, row)


def _newer(row: Json, flight: str, day: date, lexicon: Lexicon) -> Leg | None:
    origin, destination = (
        lexicon.airports.get(code(row.get(f"{end}AirportCode"), 3)) for end in ("departure", "arrival")
    )
    return leg_between(
        _scheduled_end(row, "departureTime", origin, day),
        _scheduled_end(row, "arrivalTime", destination, day),
        lexicon,
        flight=flight or _number(row),
        vendor_state=text(row.get("displayStatus")) or STATUSES.get(integer(row.get("status")) or 0, ""),
    )


def _older_route(row: Json, origin: str, destination: str, day: date, lexicon: Lexicon) -> Leg | None:
    """Read `{"Airline", "FlightNumber", "Status", "Operated By": "Iberia 123" | "-", "DepartureTime", …}`."""
    return leg_between(
        _scheduled_end(row, "DepartureTime", lexicon.airports.get(origin), day),
        _scheduled_end(row, "ArrivalTime", lexicon.airports.get(destination), day),
        lexicon,
        flight=canonical(text(row.get("FlightNumber"))),
        vendor_state=text(row.get("Status")),
        operator=operator_named(name(row.get("Operated By"))),
    )


def _number(row: Json) -> str:
    whole = canonical(text(row.get("flightNumber")))
    return whole or canonical(f"{code(row.get('airline'), 2)}{text(row.get('flightNumber'))}")


def _scheduled_end(row: Json, field: str, airport: Airport | None, day: date) -> End | None:
    return end_at(airport, Movement(_first(row, (field,), airport.zone, day))) if airport else None


def _first(row: Json, fields: Iterable[str], zone: str, day: date) -> Instant | None:
    """Return the time in the first of the fields that contains a time, or None."""
    for field in fields:
        written = text(row.get(field))
        face = clock_face(written)
        at_face = at_clock(face, day, zone) if face else None
        if moment := naive(written, zone) or clock_and_day(written, zone, day) or at_face:
            return moment
    return None
