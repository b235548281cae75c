"""How far schedules are known, and which day it is where a flight leaves."""

from __future__ import annotations

from datetime import date, datetime, timedelta

from services.flightdata.errors import DateBeyondHorizon, DateInPast
from services.flightdata.model.instants import today_in

LAST_DAY_AHEAD = 330
"""Days ahead, as airlines open their books."""
FIRST_DAY_BACK = 366
"""Days ago a flight can have been for its status to be asked for."""


def check_departure(day: date, zone: str, now: datetime) -> None:
    """Raises `DateInPast` or `DateBeyondHorizon` for a day of departure in a zone."""
    today = today_in(zone, now)
    last = today + timedelta(days=LAST_DAY_AHEAD)
    if day < today:
        raise DateInPast(today, zone)
    if day > last:
        raise DateBeyondHorizon(last)
