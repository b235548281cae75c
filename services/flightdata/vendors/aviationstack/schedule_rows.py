"""Rows of `/timetable` and `/flightsFuture`: another shape than `/flights`, in small letters, with "" for what is missing."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta

from services.flightdata.model import carriers
from services.flightdata.model.flights import Operator
from services.flightdata.model.instants import Instant
from services.flightdata.places.lexicon import Lexicon
from services.flightdata.vendors.flight_numbers import canonical, joined, parts
from services.flightdata.vendors.flight_state import Movement
from services.flightdata.vendors.json_fields import Json, code, integer, mapping, text, under
from services.flightdata.vendors.legs import End, Leg, end_at, measured
from services.flightdata.vendors.local_times import arrival_at, at_clock, clock_face, naive
from services.flightdata.vendors.non_flights import flies, is_test_carrier
from services.flightdata.vendors.plausibility import expected_block


def leg(row: Json, lexicon: Lexicon, day: date) -> Leg | None:
    """One row of the board of a day; None for what nobody can fly, and for ends we don't know, whose zone nobody tells."""
    airline = mapping(row.get("airline"))
    number = _number(row)
    departure, arrival = (
        _end(mapping(row.get("departure")), lexicon),
        _end(mapping(row.get("arrival")), lexicon),
    )
    equipment = text(under(row, "aircraft").get("modelCode"))
    if not number or departure is None or arrival is None or not flies("", equipment):
        return None
    if is_test_carrier(parts(number)[0], text(airline.get("name"))):
        return None
    read = Leg(
        carrier_code=parts(number)[0],
        carrier=carriers.name_of(parts(number)[0], text(airline.get("name"))),
        flight=number,
        departure=departure,
        arrival=arrival,
        vendor_state=text(row.get("status")),
        operator=_operator(mapping(row.get("codeshared"))),
        aircraft=text(under(row, "aircraft").get("modelText")) or equipment.upper(),
    )
    read = measured(read, lexicon.airports.get(departure.airport), lexicon.airports.get(arrival.airport))
    return _dated(read, row, day)


def _number(row: Json) -> str:
    flight = mapping(row.get("flight"))
    return canonical(text(flight.get("iataNumber"))) or joined(
        code(under(row, "airline").get("iataCode"), 2), text(flight.get("number"))
    )


def _end(row: Json, lexicon: Lexicon) -> End | None:
    airport = lexicon.airports.get(code(row.get("iataCode"), 3))
    if airport is None:
        return None
    delay = integer(row.get("delay"))
    movement = Movement(
        scheduled=naive(text(row.get("scheduledTime")), airport.zone),
        estimated=naive(text(row.get("estimatedTime")), airport.zone),
        actual=naive(text(row.get("actualTime")), airport.zone)
        or naive(text(row.get("actualRunway")), airport.zone),
        delay=timedelta(minutes=delay) if delay is not None and abs(delay) < 10_000 else None,
    )
    terminal, gate, belt = (text(row.get(name)).upper() for name in ("terminal", "gate", "baggage"))
    return end_at(airport, movement, terminal=terminal, gate=gate, belt=belt)


def _dated(read: Leg, row: Json, day: date) -> Leg:
    """The leg with the days that older rows leave out: `20:00` leaves on the day asked for and arrives when it can have flown so far."""
    departure, arrival = read.departure.movement, read.arrival.movement
    if departure.scheduled is None and (
        face := clock_face(text(under(row, "departure").get("scheduledTime")))
    ):
        departure = replace(departure, scheduled=at_clock(face, day, read.departure.zone))
    if arrival.scheduled is None and departure.scheduled:
        arrival = replace(arrival, scheduled=_arrival(read, row, departure.scheduled))
    return replace(
        read,
        departure=replace(read.departure, movement=departure),
        arrival=replace(read.arrival, movement=arrival),
    )


def _arrival(read: Leg, row: Json, departure: Instant) -> Instant | None:
    face = clock_face(text(under(row, "arrival").get("scheduledTime")))
    if face is None or read.kilometres is None:
        return None
    return arrival_at(face, read.arrival.zone, departure, expected_block(read.kilometres))


def _operator(codeshared: Json) -> Operator | None:
    carrier = code(under(codeshared, "airline").get("iataCode"), 2)
    flight = mapping(codeshared.get("flight"))
    number = canonical(text(flight.get("iataNumber"))) or joined(carrier, text(flight.get("number")))
    if not number:
        return None
    carrier = parts(number)[0]
    return Operator(
        carrier, carriers.name_of(carrier, text(under(codeshared, "airline").get("name"))), number
    )
