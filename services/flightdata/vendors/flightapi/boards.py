"""Responses of `/schedule` and `/compschedule` (Unix times) and of `/schedule/v2` (local times of day)."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import date, timedelta
from typing import Any

from services.flightdata.model.instants import Instant
from services.flightdata.places import Airport
from services.flightdata.places.lexicon import Lexicon
from services.flightdata.providers.protocol import Direction
from services.flightdata.vendors.flight_numbers import canonical, joined, operator_named
from services.flightdata.vendors.flight_state import Movement
from services.flightdata.vendors.json_fields import Json, code, listing, mapping, name, objects, text, under
from services.flightdata.vendors.legs import End, Leg, end_at, leg_between
from services.flightdata.vendors.local_times import arrival_at, at_clock, clock_face, epoch
from services.flightdata.vendors.plausibility import expected_block


def board_legs(body: Any, airport: Airport, direction: Direction, day: date, lexicon: Lexicon) -> list[Leg]:
    """Read an airport's board in any of the three formats. Rows may omit the airport of the board."""
    if "data" in mapping(body):
        rows = objects(under(body, "data").get("flights"))
        return [leg for row in rows if (leg := _clock_row(row, airport, direction, day, lexicon))]
    return [
        leg
        for part in listing(body) or [body]
        for row in objects(under(part, "airport", "pluginData", "schedule", direction.value).get("data"))
        if (leg := _epoch_row(mapping(row.get("flight")), airport, direction, lexicon))
    ]


def _epoch_row(flight: Json, board: Airport, direction: Direction, lexicon: Lexicon) -> Leg | None:
    departures = direction is Direction.DEPARTURES
    there = "destination" if departures else "origin"
    other = lexicon.airports.get(code(under(flight, "airport", there, "code").get("iata"), 3))
    origin, destination = (board, other) if departures else (other, board)
    codeshares = listing(under(flight, "identification").get("codeshare"))
    model, status = under(flight, "aircraft", "model"), under(flight, "status")
    return leg_between(
        _epoch_end(flight, "departure", origin, under(flight, "airport", "origin", "info")),
        _epoch_end(flight, "arrival", destination, under(flight, "airport", "destination", "info")),
        lexicon,
        flight=canonical(text(under(flight, "identification", "number").get("default"))),
        vendor_carrier=name(under(flight, "airline").get("name")),
        vendor_state=text(status.get("text")),
        airborne=status.get("live") is True,
        also_sold_as=tuple(number for written in codeshares if (number := canonical(text(written)))),
        aircraft=name(model.get("text")) or name(model.get("code")),
    )


def _epoch_end(flight: Json, end: str, airport: Airport | None, info: Json) -> End | None:
    if airport is None:
        return None
    times = mapping(flight.get("time"))
    scheduled, estimated, real = (
        epoch(under(times, kind).get(end), airport.zone) for kind in ("scheduled", "estimated", "real")
    )
    return end_at(airport, Movement(scheduled, estimated, real), info)


def _clock_row(row: Json, board: Airport, direction: Direction, day: date, lexicon: Lexicon) -> Leg | None:
    carrier = mapping(row.get("carrier"))
    other = lexicon.airports.get(code(under(row, "airport").get("fs"), 3))
    origin, destination = (board, other) if direction is Direction.DEPARTURES else (other, board)
    read = leg_between(
        end_at(origin, Movement()),
        end_at(destination, Movement()),
        lexicon,
        flight=joined(code(carrier.get("fs"), 2), text(carrier.get("flightNumber"))),
        vendor_carrier=name(carrier.get("name")),
        operator=operator_named(name(row.get("operatedBy"))) if row.get("isCodeshare") is True else None,
    )
    return _dated(read, row, direction, day) if read else None


def _dated(read: Leg, row: Json, direction: Direction, day: date) -> Leg:
    """Add the days to the times of day. The time at the board's airport is on the requested day.

    The time at the other airport is on the day that fits the expected block time best.
    """
    leaves_at, arrives_at = (
        clock_face(text(under(row, f"{end}Time").get("time24"))) for end in ("departure", "arrival")
    )
    if leaves_at is None or arrives_at is None or read.kilometres is None:
        return read
    block = expected_block(read.kilometres)
    if direction is Direction.DEPARTURES:
        leaves = at_clock(leaves_at, day, read.departure.zone)
        arrives = arrival_at(arrives_at, read.arrival.zone, leaves, block) if leaves else None
    else:
        leaves, arrives = None, at_clock(arrives_at, day, read.arrival.zone)
        if arrives:
            days = (day + timedelta(days=offset) for offset in (-2, -1, 0, 1))
            departures = (at_clock(leaves_at, candidate, read.departure.zone) for candidate in days)
            leaves = _fitting(departures, arrives, block)
    return replace(
        read,
        departure=replace(read.departure, movement=Movement(leaves)),
        arrival=replace(read.arrival, movement=Movement(arrives)),
    )


def _fitting(departures: Iterator[Instant | None], arrival: Instant, block: timedelta) -> Instant | None:
    """Return the departure before `arrival` whose block time is nearest to `block`."""
    before = [departure for departure in departures if departure and departure.utc < arrival.utc]
    return min(before, key=lambda departure: abs((arrival - departure) - block), default=None)
