"""Selection of the legs that match a request: by day and, for searches, only before their departure."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import date, datetime, timedelta

from services.flightdata.errors import FlightNotFound
from services.flightdata.model.flights import FlightStatus, Itinerary, Provenance, State
from services.flightdata.model.instants import today_in
from services.flightdata.model.queries import FlightQuery
from services.flightdata.vendors.flight_state import state_named
from services.flightdata.vendors.legs import Leg, in_order

NEAR = timedelta(hours=36)
"""Maximum time between now and a departure on another day, for a request without a day."""


def on_day(legs: Iterable[Leg], day: date | None, now: datetime) -> list[Leg]:
    """Return the legs that depart on a local day. If `day` is None: today's legs, else the nearest day's."""
    known = in_order(legs)
    if day is not None:
        return [leg for leg in known if leg.departure_date == day]
    today = [leg for leg in known if leg.departure_date == today_in(leg.departure.zone, now)]
    return today or _nearest(known, now)


def today_at_origin(legs: Iterable[Leg], now: datetime) -> date | None:
    """Return today's date at the origin of the first leg, or None if no leg has scheduled times."""
    return next((today_in(leg.departure.zone, now) for leg in in_order(legs)), None)


def _nearest(legs: Sequence[Leg], now: datetime) -> list[Leg]:
    away = {
        leg.departure_date: abs(leg.departure.movement.scheduled.utc - now)
        for leg in reversed(legs)
        if leg.departure.movement.scheduled
    }
    day = min(away, key=lambda candidate: away[candidate], default=None)
    return [leg for leg in legs if leg.departure_date == day] if day is not None and away[day] <= NEAR else []


def statuses(legs: Iterable[Leg], now: datetime, provenance: Provenance) -> list[FlightStatus]:
    """Return the status of each leg, sorted by departure."""
    return [leg.status(now, provenance) for leg in in_order(legs)]


def require_found(
    flight: str, provider: str, day: date | None, statuses: Sequence[FlightStatus]
) -> Sequence[FlightStatus]:
    """Return `statuses`, the statuses of a flight. Raises `FlightNotFound` if there are none."""
    if not statuses:
        when = f" on {day:%A, %d %B %Y}" if day else ""
        raise FlightNotFound(flight, f"{provider} knows no flight {flight}{when}.")
    return statuses


def nonstops(
    legs: Iterable[Leg], query: FlightQuery, now: datetime, provenance: Provenance
) -> list[Itinerary]:
    """Return a nonstop itinerary for each leg that matches the query and hasn't departed."""
    return [
        Itinerary(
            f"{provenance.provider}:{leg.flight}:{leg.departure.airport}:{leg.departure_date}",
            (leg.segment(),),
            None,
            provenance,
        )
        for leg in in_order(legs)
        if _fits(leg, query) and _has_yet_to_depart(leg, now)
    ]


def _fits(leg: Leg, query: FlightQuery) -> bool:
    ends = leg.departure.airport in query.origins and leg.arrival.airport in query.destinations
    return ends and leg.departure_date == query.date


def _has_yet_to_depart(leg: Leg, now: datetime) -> bool:
    movement = leg.departure.movement.plausible()
    over = {State.CANCELLED, State.LANDED, State.DIVERTED}
    if leg.airborne or state_named(leg.vendor_state) in over:
        return False
    return movement.actual is None and movement.expected is not None and movement.expected.utc > now
