"""Errors of requests for flight data.

Errors about places are in `places/place.py`. Errors of a single provider are in `providers/errors.py`.

DomainError
├── SamePlace             origin and destination are in the same city
├── InvalidDate           the date doesn't exist
├── DateInPast            the date is before today at the departure airport
├── DateBeyondHorizon     the date is beyond the known schedules
├── FlightNotFound        no flight has this number on this date
├── OfferNotFound         this service didn't issue this offer id
├── OfferExpired          the offer's price is no longer valid
├── OfferGone             the offer is no longer sold
├── FlightsUnavailable    no provider that could answer was reachable, or its answer was unusable
├── FlightsQuotaExhausted the providers' budgets are used up
├── AllowanceExhausted    the caller's own paid lookups of the day are used up
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


class InvalidDate(DomainError):
    """The date doesn't exist."""

    def __init__(self) -> None:
        super().__init__("This date doesn't exist.")


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
    """No flight has this number on this date. `reason` is the complete message for the user."""

    def __init__(self, flight: str, reason: str, *, next_date: date | None = None) -> None:
        later = {"next_date": next_date.isoformat()} if next_date else {}
        super().__init__(reason, metadata={"flight_number": flight} | later)


class OfferNotFound(DomainError):
    """This service didn't issue the offer id."""

    def __init__(self) -> None:
        super().__init__("There is no such offer.")


class OfferExpired(DomainError):
    """The offer's price was valid until `at` (UTC)."""

    def __init__(self, at: datetime) -> None:
        super().__init__(
            "This offer has expired; search again for today's prices.",
            metadata={"expire_time": at.isoformat()},
        )


class OfferGone(DomainError):
    """The offer is no longer sold."""

    def __init__(self) -> None:
        super().__init__("This offer is no longer sold.")


class FlightsUnavailable(DomainError):
    """Providers failed, and no other provider had a result.

    `problems` maps the names of providers to the names of `Problem`s.
    """

    def __init__(self, problems: Mapping[str, str], *, retry_after: timedelta) -> None:
        names = " or ".join(problems)
        super().__init__(
            f"I could not reach {names}, so I don't know.",
            metadata=_by_provider(problems),
            retry_after=retry_after,
        )


class FlightsQuotaExhausted(DomainError):
    """The budgets of the configured keys are used up. `renews` (UTC) is when one of them is renewed."""

    def __init__(self, problems: Mapping[str, str], *, renews: datetime, now: datetime) -> None:
        super().__init__(
            f"The budget for flight data is used up until {renews:%d %B %Y}.",
            metadata=_by_provider(problems) | {"renew_time": renews.isoformat()},
            retry_after=max(renews - now, timedelta(seconds=1)),
        )


class AllowanceExhausted(DomainError):
    """The caller's paid lookups of the day are used up; `retry_after` is the time until the next one.

    `scope` is `customer`, `customers` (all together), or `anonymous` (callers without an account, whose
    `limit` may be 0).
    """

    def __init__(self, scope: str, *, limit: int, retry_after: timedelta) -> None:
        if scope == "customer":
            text = f"You have used your {limit} lookups of live flight data for today; try again later."
        elif scope == "anonymous" and not limit:
            text = "Live flight data needs an account here; sign in and send an access token."
        elif scope == "anonymous":
            text = "The free lookups of live flight data are used up for today; sign in, or try tomorrow."
        else:
            text = "All lookups of live flight data are used up for today; try again later."
        super().__init__(text, metadata={"scope": scope, "limit": str(limit)}, retry_after=retry_after)


class FlightsRestricted(DomainError):
    """No configured provider supports the request, or no key's plan includes it."""

    def __init__(self, problems: Mapping[str, str]) -> None:
        super().__init__(
            "None of the configured flight-data providers can answer this.", metadata=_by_provider(problems)
        )


def _by_provider(problems: Mapping[str, str]) -> dict[str, str]:
    return {f"provider.{name}": problem for name, problem in problems.items()}
