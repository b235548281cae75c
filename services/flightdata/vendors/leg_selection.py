"""Which of a vendor's legs were meant: on which day, and still to be flown."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import date, datetime, timedelta

from services.flightdata.errors import FlightNotFound
from services.flightdata.model.flights import FlightStatus, Itinerary, Provenance, State
from services.flightdata.model.instants import today_in
from services.flightdata.model.queries import FlightQuery
from services.flightdata.vendors.flight_state import said
from services.flightdata.vendors.legs import Leg, in_order

NEAR = timedelta(hours=36)
"""How far from now a departure may be to be what somebody means who names no day, when none is today."""


def on_day(legs: Iterable[Leg], day: date | None, now: datetime) -> list[Leg]:
    """Legs that leave on a day of their airport's calendar; when None is given, today there, or else the nearest day."""
    known = in_order(legs)
    if day is not None:
        return [leg for leg in known if leg.depart_date == day]
    today = [leg for leg in known if leg.depart_date == today_in(leg.departure.zone, now)]
    return today or _nearest(known, now)


def today_of(legs: Iterable[Leg], now: datetime) -> date | None:
    """The day it is where the first of some legs leaves; None when none of them has a time."""
    return next((today_in(leg.departure.zone, now) for leg in in_order(legs)), None)


def _nearest(legs: Sequence[Leg], now: datetime) -> list[Leg]:
    away = {
        leg.depart_date: abs(leg.departure.movement.scheduled.utc - now)
        for leg in reversed(legs)
        if leg.departure.movement.scheduled
    }
    day = min(away, key=lambda candidate: away[candidate], default=None)
    return [leg for leg in legs if leg.depart_date == day] if day is not None and away[day] <= NEAR else []


def statuses(legs: Iterable[Leg], now: datetime, provenance: Provenance) -> list[FlightStatus]:
    """How legs do, in the order they leave."""
    return [leg.status(now, provenance) for leg in in_order(legs)]


def found(
    flight: str, provider: str, day: date | None, statuses: Sequence[FlightStatus]
) -> Sequence[FlightStatus]:
    """What was found of a flight number. Raises `FlightNotFound` when that is nothing."""
    if not statuses:
        when = f" on {day:%A, %d %B %Y}" if day else ""
        raise FlightNotFound(flight, f"{provider} knows no flight {flight}{when}.")
    return statuses


def nonstops(
    legs: Iterable[Leg], query: FlightQuery, now: datetime, provenance: Provenance
) -> list[Itinerary]:
    """Itineraries of one leg each that fit a query and still leave."""
    return [
        Itinerary(
            f"{provenance.provider}:{leg.flight}:{leg.departure.airport}:{leg.depart_date}",
            (leg.segment(),),
            None,
            provenance,
        )
        for leg in in_order(legs)
        if _fits(leg, query) and _still_leaves(leg, now)
    ]


def _fits(leg: Leg, query: FlightQuery) -> bool:
    ends = leg.departure.airport in query.origins and leg.arrival.airport in query.destinations
    return ends and leg.depart_date == query.date


def _still_leaves(leg: Leg, now: datetime) -> bool:
    movement = leg.departure.movement.believed()
    if leg.airborne or said(leg.vendor_state) in {State.CANCELLED, State.LANDED, State.DIVERTED}:
        return False
    return movement.actual is None and movement.expected is not None and movement.expected.utc > now
