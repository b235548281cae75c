"""Merging of codeshares: one record for each flight, with all its flight numbers.

Of 100 AviationStack rows, 61 were codeshares. They named 28 operating flights, of which 8 had no row of their
own. The record of such a flight is built from its codeshares.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import replace

from services.flightdata.vendors.flight_state import Movement
from services.flightdata.vendors.legs import End, Leg

Key = tuple[str, str, str, object]


def collapse(legs: Iterable[Leg]) -> list[Leg]:
    """Return one leg for each flight, with the operator's flight number, in order of first appearance."""
    groups: dict[Key, list[Leg]] = defaultdict(list)
    for leg in legs:
        groups[_key(leg)].append(leg)
    return [_merged(group) for group in groups.values()]


def _key(leg: Leg) -> Key:
    # A codeshare without the operator's flight number can't be matched, so it stays a separate flight.
    flown_as = leg.operator.flight if _is_codeshare(leg) and leg.operator else leg.flight
    return flown_as, leg.departure.airport, leg.arrival.airport, leg.departure_date


def _is_codeshare(leg: Leg) -> bool:
    return leg.operator is not None and bool(leg.operator.flight)


def _merged(group: Sequence[Leg]) -> Leg:
    own = next((leg for leg in group if not _is_codeshare(leg)), None)
    flown = own or _operating(group[0])
    for leg in group:
        flown = replace(
            flown,
            departure=_filled(flown.departure, leg.departure),
            arrival=_filled(flown.arrival, leg.arrival),
        )
    sold_as = {number for leg in group for number in (leg.flight, *leg.also_sold_as)} - {flown.flight}
    return replace(
        flown,
        also_sold_as=tuple(sorted(sold_as)),
        airborne=any(leg.airborne for leg in group),
        vendor_state=flown.vendor_state or next((leg.vendor_state for leg in group if leg.vendor_state), ""),
        aircraft=flown.aircraft or next((leg.aircraft for leg in group if leg.aircraft), ""),
    )


def _operating(codeshare: Leg) -> Leg:
    """Return the operating flight of a codeshare, for an operating flight without its own row."""
    operator = codeshare.operator
    assert operator is not None
    return replace(
        codeshare,
        carrier_code=operator.carrier_code,
        carrier=operator.carrier,
        flight=operator.flight,
        operator=None,
    )


def _filled(end: End, other: End) -> End:
    mine, theirs = end.movement, other.movement
    movement = Movement(
        mine.scheduled or theirs.scheduled,
        mine.estimated or theirs.estimated,
        mine.actual or theirs.actual,
        mine.delay if mine.delay is not None else theirs.delay,
    )
    return replace(
        end,
        movement=movement,
        terminal=end.terminal or other.terminal,
        gate=end.gate or other.gate,
        belt=end.belt or other.belt,
    )
