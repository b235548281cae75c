"""Interpretation of AviationStack's responses as rows or as a provider error.

The body has priority over the HTTP status, because errors can have the status 200. A bad key can also give a
401 without an error in the body. The code of an error has contained a PHP message.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from services.flightdata.providers.budgets import turn_of_month
from services.flightdata.providers.errors import (
    ProviderBadAnswer,
    ProviderError,
    ProviderQuotaExhausted,
    ProviderRateLimited,
    ProviderRejected,
    ProviderRestricted,
    ProviderUnavailable,
)
from services.flightdata.vendors.aviationstack import NAME
from services.flightdata.vendors.json_fields import Json, listing, mapping, objects, text, under
from services.flightdata.vendors.vendor_client import NOT_JSON, VendorAnswer

REJECTED = frozenset(
    {"missing_access_key", "invalid_access_key", "inactive_user", "unauthorized", "101", "102"}
)
RESTRICTED = frozenset({"function_access_restricted", "105"})
HTTPS_RESTRICTED = "https_access_restricted"
USED_UP = frozenset({"usage_limit_reached", "104"})
TOO_OFTEN = frozenset({"rate_limit_reached", "too_many_requests", "106"})
OUR_MISTAKE = frozenset({"invalid_api_function", "404_not_found", "103", "404"})
NO_ROWS = "no record found"
RETRY_AFTER_SECONDS = 60.0
"""Rate limit of `/timetable` and `/flightsFuture` on the free plan (vendor's change log of 2025-08-19)."""


def rows(answer: VendorAnswer, feature: str, now: datetime) -> list[Json]:
    """Return the rows of a response; may be empty. `feature` is the requested feature.

    Raises:
        ProviderError: the body or the status of the response is an error.
    """
    if error := error_of(answer, feature, now):
        raise error
    data = mapping(answer.body).get("data")
    if not isinstance(data, list):
        raise ProviderBadAnswer(NAME, "answered without data")
    if data and not list(objects(data)):
        raise ProviderBadAnswer(NAME, "answered with malformed rows")
    return list(objects(data))


def error_of(answer: VendorAnswer, feature: str, now: datetime) -> ProviderError | None:
    """Return the error in a response, or None if the response contains data."""
    body = answer.body
    if body is NOT_JSON:
        return _not_json(answer)
    if not isinstance(body, dict):
        return ProviderBadAnswer(NAME, "answered without a JSON object")
    data = body.get("data")
    if isinstance(data, dict):
        # For errors, and if there are no rows, `/timetable` sends an object in place of the list.
        if NO_ROWS not in text(data.get("error")).casefold():
            return _named(_code(data.get("error")), data, answer, feature, now)
        body["data"] = []
        return None
    error = body.get("error")
    if error or body.get("success") is False:
        return _named(_code(error), mapping(error), answer, feature, now)
    if not isinstance(data, list) or answer.status >= 400:
        return _by_status(answer, feature) or ProviderBadAnswer(NAME, "answered without data")
    return None


def _code(error: Any) -> str:
    """Return the type or code of an error. The vendor uses two formats."""
    if isinstance(error, dict):
        candidates = (text(error.get("type")), text(error.get("code")))
        return next((candidate.casefold() for candidate in candidates if candidate), "")
    return text(error).casefold()


def _named(code: str, error: Json, answer: VendorAnswer, feature: str, now: datetime) -> ProviderError:
    if code in REJECTED:
        return ProviderRejected(NAME, f"refuses the key ({code})")
    if code == HTTPS_RESTRICTED:
        return ProviderRejected(NAME, "this key isn't allowed over HTTPS; choose a plan that includes it")
    if code in RESTRICTED:
        return ProviderRestricted(NAME, feature)
    if code in USED_UP:
        return ProviderQuotaExhausted(NAME, "the month's calls are used up", until=turn_of_month(now))
    if code in TOO_OFTEN:
        return _rate_limited(answer)
    if code == "validation_error":
        return _invalid(error, feature)
    if code in OUR_MISTAKE:
        return ProviderBadAnswer(NAME, f"doesn't know the endpoint ({code})")
    return _by_status(answer, feature) or ProviderUnavailable(NAME, "reported an internal error")


def _invalid(error: Json, feature: str) -> ProviderError:
    """Return the error for a refused parameter value.

    A refused date is outside the days that the vendor covers. The vendor has changed these days before.
    """
    fields = {text(name) for name in under(error, "context")}
    if fields & {"date", "flight_date"}:
        return ProviderRestricted(NAME, feature, f"{feature} don't include this day")
    return ProviderBadAnswer(NAME, "refused a parameter")


def _by_status(answer: VendorAnswer, feature: str) -> ProviderError | None:
    match answer.status:
        case 401:
            return ProviderRejected(NAME, "refuses the key (401)")
        case 403:
            return ProviderRestricted(NAME, feature)
        case 404 | 400 | 422:
            return ProviderBadAnswer(NAME, f"refused the request ({answer.status})")
        case 429:
            return _rate_limited(answer)
        case status if status >= 300:
            return ProviderUnavailable(NAME, f"answered {status}")
    return None


def _not_json(answer: VendorAnswer) -> ProviderError:
    if answer.status == 429:
        return _rate_limited(answer)
    if answer.status >= 300 or answer.looks_like_html or not answer.text.strip():
        return ProviderUnavailable(NAME, f"answered {answer.status} without data")
    return ProviderBadAnswer(NAME, "answered without JSON")


def _rate_limited(answer: VendorAnswer) -> ProviderError:
    wait = timedelta(seconds=answer.retry_after or RETRY_AFTER_SECONDS)
    return ProviderRateLimited(NAME, "rate limit exceeded", retry_after=wait)


def is_full(answer: VendorAnswer, limit: int) -> bool:
    """Return whether a page has `limit` rows.

    The vendor's `pagination` is unreliable: its numbers can be text or null.
    """
    data = listing(mapping(answer.body).get("data"))
    # This counts the items of nested lists, as `objects` does, and also malformed rows.
    return sum(len(item) if isinstance(item, list) else 1 for item in data) >= limit
