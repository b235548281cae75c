"""Errors of a request for flight data.

Errors of places are in `places/place.py`, errors of a single provider in `providers/errors.py`.

DomainError
├── SamePlace             origin and destination are in the same city
├── DateInvalid           the date doesn't exist
├── DateInPast            the date is before today at the departure airport
├── DateBeyondHorizon     the date is beyond the known schedules
├── FlightNotFound        no flight has this number on this date
├── OfferNotFound         this service never made this offer
├── OfferExpired          the offer's price is no longer valid
├── OfferGone             the offer is no longer sold
├── FlightsUnavailable    no provider that could answer was reachable, or its answer was unusable
├── FlightsQuotaExhausted the providers' budgets are used up
└── FlightsRestricted     no provider supports the request
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
    """The date doesn't exist."""

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
    """The date is beyond `last`, the last day with known schedules."""

    def __init__(self, last: date) -> None:
        super().__init__(
            f"Schedules are known until {last:%d %B %Y}.", metadata={"last_date": last.isoformat()}
        )


class FlightNotFound(DomainError):
    """No flight has this number on this date. `reason` is the whole message for the user."""

    def __init__(self, flight: str, reason: str, *, next_date: date | None = None) -> None:
        later = {"next_date": next_date.isoformat()} if next_date else {}
        super().__init__(reason, metadata={"flight": flight} | later)


class OfferNotFound(DomainError):
    """This service never made this offer."""

    def __init__(self) -> None:
        super().__init__("There is no such offer.")


class OfferExpired(DomainError):
    """The offer's price was valid until `at` (UTC)."""

    def __init__(self, at: datetime) -> None:
        super().__init__(
            "This offer has expired; search again for today's prices.", metadata={"expired": at.isoformat()}
        )


class OfferGone(DomainError):
    """The offer is no longer sold."""

    def __init__(self) -> None:
        super().__init__("This offer is no longer sold.")


class FlightsUnavailable(DomainError):
    """No provider that could answer gave an answer. `problems` maps the provider's name to its problem."""

    def __init__(self, problems: Mapping[str, str], *, retry_after: timedelta) -> None:
        names = " or ".join(problems)
        super().__init__(
            f"I could not reach {names}, so I don't know.", metadata=dict(problems), retry_after=retry_after
        )


class FlightsQuotaExhausted(DomainError):
    """The budgets of the configured keys are used up until `until` (UTC)."""

    def __init__(self, problems: Mapping[str, str], *, until: datetime) -> None:
        super().__init__(
            f"The budget for flight data is used up until {until:%d %B %Y}.",
            metadata=dict(problems) | {"until": until.isoformat()},
        )


class FlightsRestricted(DomainError):
    """No configured provider supports the request, or no key's plan includes it."""

    def __init__(self, problems: Mapping[str, str]) -> None:
        super().__init__(
            "None of the configured flight-data providers can answer this.", metadata=dict(problems)
        )
