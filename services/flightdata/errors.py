"""What can be wrong with a request for flights. Places have their own in `places/place.py`.

DomainError
├── SamePlace           nothing to fly between
├── DateInvalid         no day of the calendar
├── DateInPast          yesterday and before, at the departure airport
├── DateBeyondHorizon   farther ahead than schedules are known
└── FlightNotFound      no flight of this number on this date
"""

from __future__ import annotations

from datetime import date

from mesh.errors import DomainError


class SamePlace(DomainError):
    """Origin and destination are the same airport, or airports of the same city."""

    def __init__(self, code: str, city: str) -> None:
        super().__init__(f"Origin and destination are both {city}.", metadata={"code": code})


class DateInvalid(DomainError):
    """The date is not a day of the calendar."""

    def __init__(self) -> None:
        super().__init__("This date is not a day of the calendar.")


class DateInPast(DomainError):
    """The date is in the past at the departure airport."""

    def __init__(self, today: date, zone: str) -> None:
        super().__init__(
            f"This date is in the past: it is {today:%A, %d %B %Y} there.", metadata={"today": today.isoformat(), "time_zone": zone}
        )


class DateBeyondHorizon(DomainError):
    """The date is farther ahead than schedules are known."""

    def __init__(self, last: date) -> None:
        super().__init__(f"Schedules are known until {last:%d %B %Y}.", metadata={"last_date": last.isoformat()})


class FlightNotFound(DomainError):
    """No flight has this number on this date. `reason` completes the sentence for the caller."""

    def __init__(self, flight: str, reason: str, *, next_date: date | None = None) -> None:
        later = {"next_date": next_date.isoformat()} if next_date else {}
        super().__init__(reason, metadata={"flight": flight} | later)
