"""Rows of `/flights`. Times are local under a label of UTC, but for a live position's; names may be wrong where codes are right."""

from __future__ import annotations

from datetime import datetime, timedelta

from services.flightdata.model import carriers
from services.flightdata.model.flights import Operator
from services.flightdata.model.instants import Instant
from services.flightdata.places.lexicon import Lexicon
from services.flightdata.vendors.flight_numbers import canonical, joined, parts
from services.flightdata.vendors.flight_state import Movement
from services.flightdata.vendors.json_fields import Json, code, integer, mapping, text, under
from services.flightdata.vendors.legs import End, Leg, end_at, measured
from services.flightdata.vendors.local_times import labelled_utc, true_utc, zone_named
from services.flightdata.vendors.non_flights import flies, is_test_carrier

LIVE = timedelta(hours=1)
"""How old a position may be to say that an aircraft flies."""


def leg(row: Json, lexicon: Lexicon, now: datetime) -> Leg | None:
    """One row; None for what nobody can fly: without a number, an airport or a zone, on rails, or of a carrier for tests."""
    airline, flight = mapping(row.get("airline")), mapping(row.get("flight"))
    carrier = code(airline.get("iata"), 2)
    number = canonical(text(flight.get("iata"))) or joined(carrier, text(flight.get("number")))
    departure, arrival = (
        _end(mapping(row.get("departure")), lexicon),
        _end(mapping(row.get("arrival")), lexicon),
    )
    equipment = text(under(row, "aircraft").get("iata"))
    if (
        not number
        or departure is None
        or arrival is None
        or not flies("", equipment)
        or is_test_carrier(carrier, text(airline.get("name")))
    ):
        return None
    read = Leg(
        carrier_code=parts(number)[0],
        carrier=carriers.name_of(parts(number)[0], text(airline.get("name"))),
        flight=number,
        departure=departure,
        arrival=arrival,
        vendor_state=text(row.get("flight_status")),
        airborne=_airborne(mapping(row.get("live")), now),
        operator=_operator(mapping(flight.get("codeshared"))),
        aircraft=equipment,
    )
    return measured(read, lexicon.airports.get(departure.airport), lexicon.airports.get(arrival.airport))


def _end(row: Json, lexicon: Lexicon) -> End | None:
    where = code(row.get("iata"), 3)
    airport = lexicon.airports.get(where)
    zone = airport.zone if airport else zone_named(text(row.get("timezone")))
    if not where or not zone:
        return None
    delay, scheduled, estimated = (
        integer(row.get("delay")),
        _local(row, "scheduled", zone),
        _local(row, "estimated", zone),
    )
    movement = Movement(
        scheduled=scheduled,
        # All 147 departures counted repeat the plan here, delayed or not: that estimates nothing.
        estimated=estimated if estimated != scheduled else None,
        actual=_local(row, "actual", zone) or _local(row, "actual_runway", zone),
        delay=timedelta(minutes=delay) if delay is not None and abs(delay) < 10_000 else None,
    )
    terminal, gate, belt = (text(row.get(name)) for name in ("terminal", "gate", "baggage"))
    if airport:
        return end_at(airport, movement, terminal=terminal, gate=gate, belt=belt)
    return End(where, text(row.get("airport")), zone, movement, terminal, gate, belt)


def _local(row: Json, name: str, zone: str) -> Instant | None:
    return labelled_utc(text(row.get(name)), zone)


def _operator(codeshared: Json) -> Operator | None:
    """Who flies it, from values in small letters; None when the row is the operating flight itself."""
    carrier = code(codeshared.get("airline_iata"), 2)
    number = canonical(text(codeshared.get("flight_iata"))) or joined(
        carrier, text(codeshared.get("flight_number"))
    )
    if not number:
        return None
    carrier = parts(number)[0]
    return Operator(carrier, carriers.name_of(carrier, text(codeshared.get("airline_name"))), number)


def _airborne(live: Json, now: datetime) -> bool:
    """Whether a fresh position says that the aircraft flies. `live.updated` is truly UTC, unlike everything else in the row."""
    updated = true_utc(text(live.get("updated")), "UTC")
    return live.get("is_ground") is False and updated is not None and abs(now - updated.utc) <= LIVE
