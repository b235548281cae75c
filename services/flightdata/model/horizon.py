"""Limits on the days of a request: the last day with known schedules, the first day with known status."""

from __future__ import annotations

from datetime import date, datetime, timedelta

from services.flightdata.errors import DateBeyondHorizon, DateInPast, FlightNotFound
from services.flightdata.model.instants import today_in

LAST_DAY_AHEAD = 330
"""Number of days in advance that airlines sell tickets."""
FIRST_DAY_BACK = 366
"""Number of past days for which the status of flights is known."""


def check_departure(day: date, zone: str, now: datetime) -> None:
    """Check that airlines sell flights for a departure day. `zone` is the time zone of the departure.

    Raises:
        DateInPast: the day is over in that zone.
        DateBeyondHorizon: airlines don't sell tickets for that day yet.
    """
    today = today_in(zone, now)
    if day < today:
        raise DateInPast(today, zone)
    _check_ahead(day, today)


def check_route_status(day: date, zone: str, now: datetime) -> None:
    """Check that the status of a route's flights is known for a day. `zone` is the departure's time zone.

    Raises:
        DateInPast: the day is too long ago.
        DateBeyondHorizon: schedules of that day aren't known yet.
    """
    today = today_in(zone, now)
    if today - day > timedelta(days=FIRST_DAY_BACK):
        raise DateInPast(today, zone)
    _check_ahead(day, today)


def check_status(flight: str, day: date, now: datetime) -> None:
    """Check that the status of a flight is known for a day.

    The time zone of the departure isn't known yet, so one more day ahead is allowed.

    Raises:
        FlightNotFound: the day is too long ago.
        DateBeyondHorizon: schedules of that day aren't known yet.
    """
    if now.date() - day > timedelta(days=FIRST_DAY_BACK):
        raise FlightNotFound(flight, f"The status of {flight} so long ago isn't known.")
    _check_ahead(day, now.date(), tolerance=1)


def _check_ahead(day: date, today: date, tolerance: int = 0) -> None:
    if day - today > timedelta(days=LAST_DAY_AHEAD + tolerance):
        raise DateBeyondHorizon(today + timedelta(days=LAST_DAY_AHEAD))
