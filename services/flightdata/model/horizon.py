"""The range of days that can be searched: how far ahead schedules are known, and how far back status is."""

from __future__ import annotations

from datetime import date, datetime, timedelta

from services.flightdata.errors import DateBeyondHorizon, DateInPast
from services.flightdata.model.instants import today_in

LAST_DAY_AHEAD = 330
"""Days ahead for which airlines sell tickets."""
FIRST_DAY_BACK = 366
"""Days back for which the status of a flight can be asked."""


def check_departure(day: date, zone: str, now: datetime) -> None:
    """Raise `DateInPast` or `DateBeyondHorizon` if no flight can be sold for this departure day in a zone."""
    today = today_in(zone, now)
    last = today + timedelta(days=LAST_DAY_AHEAD)
    if day < today:
        raise DateInPast(today, zone)
    if day > last:
        raise DateBeyondHorizon(last)
