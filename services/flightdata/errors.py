"""What can be wrong with a request for flights, and what when nobody could answer it.

Places have their own in `places/place.py`, single providers theirs in `provider_errors.py`.

DomainError
├── SamePlace             nothing to fly between
├── DateInvalid           no day of the calendar
├── DateInPast            yesterday and before, at the departure airport
├── DateBeyondHorizon     farther ahead than schedules are known
├── FlightNotFound        no flight of this number on this date
├── OfferNotFound         nobody here made this offer
├── OfferExpired          its price was good for a time that is over
├── OfferGone             nobody sells it any more
├── FlightsUnavailable    the providers that could know can't be reached, or answer nonsense
├── FlightsQuotaExhausted their budgets are used up
└── FlightsRestricted     none of them does this
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, datetime, timedelta

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
            f"This date is in the past: it is {today:%A, %d %B %Y} there.",
            metadata={"today": today.isoformat(), "time_zone": zone},
        )


class DateBeyondHorizon(DomainError):
    """The date is farther ahead than schedules are known."""

    def __init__(self, last: date) -> None:
        super().__init__(
            f"Schedules are known until {last:%d %B %Y}.", metadata={"last_date": last.isoformat()}
        )


class FlightNotFound(DomainError):
    """No flight has this number on this date. `reason` completes the sentence for the caller."""

    def __init__(self, flight: str, reason: str, *, next_date: date | None = None) -> None:
        later = {"next_date": next_date.isoformat()} if next_date else {}
        super().__init__(reason, metadata={"flight": flight} | later)


class OfferNotFound(DomainError):
    """Nobody here made this offer."""

    def __init__(self) -> None:
        super().__init__("There is no such offer.")


class OfferExpired(DomainError):
    """The offer's price was good until `at` (UTC)."""

    def __init__(self, at: datetime) -> None:
        super().__init__(
            "This offer has expired; search again for today's prices.", metadata={"expired": at.isoformat()}
        )


class OfferGone(DomainError):
    """Nobody sells the offer any more."""

    def __init__(self) -> None:
        super().__init__("This offer is no longer sold.")


class FlightsUnavailable(DomainError):
    """No provider that could know gave an answer. `problems` tells what was wrong with each, by name."""

    def __init__(self, problems: Mapping[str, str], *, retry_after: timedelta) -> None:
        names = " or ".join(problems)
        super().__init__(
            f"I could not reach {names}, so I don't know.", metadata=dict(problems), retry_after=retry_after
        )


class FlightsQuotaExhausted(DomainError):
    """What the configured keys may ask is used up until `until` (UTC)."""

    def __init__(self, problems: Mapping[str, str], *, until: datetime) -> None:
        super().__init__(
            f"The budget for flight data is used up until {until:%d %B %Y}.",
            metadata=dict(problems) | {"until": until.isoformat()},
        )


class FlightsRestricted(DomainError):
    """No configured provider does this, or no key's plan allows it."""

    def __init__(self, problems: Mapping[str, str]) -> None:
        super().__init__(
            "None of the configured flight-data providers can answer this.", metadata=dict(problems)
        )
