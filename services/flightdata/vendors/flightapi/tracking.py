"""Answers of `/airline` and `/trackbyroute`, each in the shape of old and the one that is reported since November 2025."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import date
from typing import Any

from services.flightdata.model import carriers
from services.flightdata.model.flights import Operator
from services.flightdata.model.instants import Instant
from services.flightdata.places.lexicon import Lexicon
from services.flightdata.vendors.flight_numbers import canonical, parts
from services.flightdata.vendors.flight_state import Movement
from services.flightdata.vendors.flightapi.operated_by import operated_by
from services.flightdata.vendors.json_fields import Json, code, integer, mapping, objects, text
from services.flightdata.vendors.legs import End, Leg, end_at, measured
from services.flightdata.vendors.local_times import at_clock, clock_and_day, clock_face, naive
from services.flightdata.vendors.non_flights import is_test_carrier

STATUSES = {1: "Scheduled", 2: "Arrived", 3: "Departed", 4: "Delayed", 5: "Cancelled"}
"""The numbers of the newer shape."""


def flight_legs(body: Any, flight: str, day: date, lexicon: Lexicon) -> list[Leg]:
    """What an answer of `/airline` tells of a flight number on a day of departure."""
    if isinstance(body, dict):
        return [leg for row in objects(body.get("flights")) if (leg := _newer(row, flight, day, lexicon))]
    leg = _older(body, flight, day, lexicon)
    return [leg] if leg else []


def route_legs(body: Any, origin: str, destination: str, day: date, lexicon: Lexicon) -> list[Leg]:
    """What an answer of `/trackbyroute` tells of the flights between two airports."""
    if isinstance(body, dict):
        rows = objects(body.get("flights"))
        return [leg for row in rows if (leg := _newer(_placed(row, origin, destination), "", day, lexicon))]
    return [leg for row in objects(body) if (leg := _older_route(row, origin, destination, day, lexicon))]


def _placed(row: Json, origin: str, destination: str) -> Json:
    return {"departureAirportCode": origin, "arrivalAirportCode": destination} | dict(row)


def _older(body: Any, flight: str, day: date, lexicon: Lexicon) -> Leg | None:
    """`[{"departure": {…}}, {"arrival": {…}}, {"aircraft": {…}}, {"status": "…"}]`: a list of objects with one key each."""
    told: dict[str, Any] = {}
    for part in objects(body):
        told |= part
    departure, arrival = mapping(told.get("departure")), mapping(told.get("arrival"))
    ends = _older_end(departure, "departure", day, lexicon), _older_end(arrival, "arrival", day, lexicon)
    aircraft = mapping(told.get("aircraft"))
    return _leg(
        flight,
        ends,
        text(told.get("status")),
        lexicon,
        aircraft=text(aircraft.get("name")) or text(aircraft.get("code")),
    )


def _older_end(row: Json, end: str, day: date, lexicon: Lexicon) -> End | None:
    airport = lexicon.airports.get(code(row.get("airportCode"), 3))
    if airport is None:
        return None
    zone = airport.zone
    actual = ("outGateTime", "offGroundTime") if end == "departure" else ("inGateTime", "onGroundTime")
    movement = Movement(
        scheduled=_first(row, ("scheduledTime", f"{end}DateTime"), zone, day),
        estimated=_first(row, ("estimatedTime",), zone, day),
        actual=_first(row, actual, zone, day),
    )
    return end_at(
        airport,
        movement,
        terminal=text(row.get("terminal")),
        gate=text(row.get("gate")),
        belt=text(row.get("baggage")),
    )


def _newer(row: Json, flight: str, day: date, lexicon: Lexicon) -> Leg | None:
    number = flight or _number(row)
    origin, destination = (
        lexicon.airports.get(code(row.get(f"{end}AirportCode"), 3)) for end in ("departure", "arrival")
    )
    if origin is None or destination is None:
        return None
    ends = (
        end_at(origin, Movement(scheduled=_first(row, ("departureTime",), origin.zone, day))),
        end_at(destination, Movement(scheduled=_first(row, ("arrivalTime",), destination.zone, day))),
    )
    word = text(row.get("displayStatus")) or STATUSES.get(integer(row.get("status")) or 0, "")
    return _leg(number, ends, word, lexicon)


def _older_route(row: Json, origin: str, destination: str, day: date, lexicon: Lexicon) -> Leg | None:
    """Keys with capitals and a space: `{"Airline", "FlightNumber", "Status", "Operated By": "Iberia 123" | "-", "DepartureTime", …}`."""
    here, there = lexicon.airports.get(origin), lexicon.airports.get(destination)
    if here is None or there is None:
        return None
    ends = (
        end_at(here, Movement(scheduled=_first(row, ("DepartureTime",), here.zone, day))),
        end_at(there, Movement(scheduled=_first(row, ("ArrivalTime",), there.zone, day))),
    )
    operator = operated_by(text(row.get("Operated By")))
    return _leg(
        canonical(text(row.get("FlightNumber"))), ends, text(row.get("Status")), lexicon, operator=operator
    )


def _number(row: Json) -> str:
    whole = canonical(text(row.get("flightNumber")))
    return whole or canonical(f"{code(row.get('airline'), 2)}{text(row.get('flightNumber'))}")


def _leg(
    flight: str,
    ends: tuple[End | None, End | None],
    word: str,
    lexicon: Lexicon,
    *,
    operator: Operator | None = None,
    aircraft: str = "",
) -> Leg | None:
    departure, arrival = ends
    if not flight or departure is None or arrival is None or is_test_carrier(parts(flight)[0], ""):
        return None
    carrier = parts(flight)[0]
    read = Leg(
        carrier,
        carriers.name_of(carrier),
        flight,
        departure,
        arrival,
        vendor_state=word,
        operator=operator,
        aircraft=aircraft,
    )
    return measured(read, lexicon.airports.get(departure.airport), lexicon.airports.get(arrival.airport))


def _first(row: Json, names: Iterable[str], zone: str, day: date) -> Instant | None:
    """The first of some fields that holds a time."""
    return next((instant for name in names for instant in _readings(text(row.get(name)), zone, day)), None)


def _readings(written: str, zone: str, day: date) -> Iterator[Instant]:
    face = clock_face(written)
    readings = (
        naive(written, zone),
        clock_and_day(written, zone, day),
        at_clock(face, day, zone) if face else None,
    )
    yield from (instant for instant in readings if instant)
