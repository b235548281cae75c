"""The range of days that can be asked for: how far ahead schedules are known, and how far back status is."""

from __future__ import annotations

from datetime import date, datetime, timedelta

from services.flightdata.errors import DateBeyondHorizon, DateInPast, FlightNotFound
from services.flightdata.model.instants import today_in

LAST_DAY_AHEAD = 330
"""Days ahead for which airlines sell tickets."""
FIRST_DAY_BACK = 366
"""Days back for which the status of a flight can be asked."""


def check_departure(day: date, zone: str, now: datetime) -> None:
    """Raise `DateInPast` or `DateBeyondHorizon` if no flight can be sold for this departure day in a zone."""
    today = today_in(zone, now)
    if day < today:
        raise DateInPast(today, zone)
    _check_ahead(day, today)


def check_route_status(day: date, zone: str, now: datetime) -> None:
    """Raise `DateInPast` or `DateBeyondHorizon` if no status is known for flights on this day in a zone."""
    today = today_in(zone, now)
    if today - day > timedelta(days=FIRST_DAY_BACK):
        raise DateInPast(today, zone)
    _check_ahead(day, today)


def check_status(flight: str, day: date, now: datetime) -> None:
    """Raise `FlightNotFound` or `DateBeyondHorizon` if no status is known for a flight on this day.

    The flight's zone isn't known yet, so a day more is allowed.
    """
    if now.date() - day > timedelta(days=FIRST_DAY_BACK):
        raise FlightNotFound(flight, f"The status of {flight} so long ago isn't known.")
    _check_ahead(day, now.date(), tolerance=1)


def _check_ahead(day: date, today: date, tolerance: int = 0) -> None:
    if day - today > timedelta(days=LAST_DAY_AHEAD + tolerance):
        raise DateBeyondHorizon(today + timedelta(days=LAST_DAY_AHEAD))
