"""Rows of `/flights`.

Times are local but labelled as UTC, except the time of the live position. Codes are more reliable than names.
"""

from __future__ import annotations

from datetime import datetime, timedelta

from services.flightdata.model.flights import Operator
from services.flightdata.model.instants import Instant
from services.flightdata.places.lexicon import Lexicon
from services.flightdata.vendors.flight_numbers import canonical, joined, operator
from services.flightdata.vendors.flight_state import Movement
from services.flightdata.vendors.json_fields import Json, code, integer, mapping, name, text, under
from services.flightdata.vendors.legs import End, Leg, details, end_at, leg_between
from services.flightdata.vendors.local_times import labelled_utc, true_utc, zone_named
from services.flightdata.vendors.plausibility import is_test_carrier

LIVE = timedelta(hours=1)
"""Maximum age of a live position to accept that the aircraft is in the air."""


def leg(row: Json, lexicon: Lexicon, now: datetime) -> Leg | None:
    """Read a row. Return None if it isn't a flight, or lacks a number, an airport or a time zone."""
    airline, flight = mapping(row.get("airline")), mapping(row.get("flight"))
    carrier, carrier_name = code(airline.get("iata"), 2), name(airline.get("name"))
    if is_test_carrier(carrier, carrier_name):
        return None
    equipment = name(under(row, "aircraft").get("iata"))
    return leg_between(
        _end(mapping(row.get("departure")), lexicon),
        _end(mapping(row.get("arrival")), lexicon),
        lexicon,
        flight=canonical(text(flight.get("iata"))) or joined(carrier, text(flight.get("number"))),
        vendor_carrier=carrier_name,
        vendor_state=text(row.get("flight_status")),
        airborne=_airborne(mapping(row.get("live")), now),
        operator=_operator(mapping(flight.get("codeshared"))),
        equipment=equipment,
        aircraft=equipment,
    )


def _end(row: Json, lexicon: Lexicon) -> End | None:
    where = code(row.get("iata"), 3)
    airport = lexicon.airports.get(where)
    zone = airport.zone if airport else zone_named(text(row.get("timezone")))
    if not where or not zone:
        return None
    scheduled, estimated = _local(row, "scheduled", zone), _local(row, "estimated", zone)
    movement = Movement(
        scheduled=scheduled,
        # In all of 147 recorded departures, even delayed ones, this equals the schedule, so it's no estimate.
        estimated=estimated if estimated != scheduled else None,
        actual=_local(row, "actual", zone) or _local(row, "actual_runway", zone),
        delay=delay(row),
    )
    if airport:
        return end_at(airport, movement, row)
    return End(where, name(row.get("airport")), zone, movement, *details(row))


def delay(row: Json) -> timedelta | None:
    """Read the delay of a departure or arrival, given in minutes; None if it is missing or absurd."""
    minutes = integer(row.get("delay"))
    return timedelta(minutes=minutes) if minutes is not None and abs(minutes) < 10_000 else None


def _local(row: Json, field: str, zone: str) -> Instant | None:
    return labelled_utc(text(row.get(field)), zone)


def _operator(codeshared: Json) -> Operator | None:
    """Read the operating flight of a codeshare, which is in lower case; None if there is no codeshare."""
    number = canonical(text(codeshared.get("flight_iata"))) or joined(
        code(codeshared.get("airline_iata"), 2), text(codeshared.get("flight_number"))
    )
    return operator(number, name(codeshared.get("airline_name")))


def _airborne(live: Json, now: datetime) -> bool:
    """Return whether a recent position is in the air. Only `live.updated` is correctly labelled as UTC."""
    updated = true_utc(text(live.get("updated")), "UTC")
    return live.get("is_ground") is False and updated is not None and abs(now - updated.utc) <= LIVE
