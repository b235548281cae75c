"""Interpretation of FlightAPI.io's responses.

Most HTTP statuses have several meanings, and a response with status 200 can lack data.
"""

from __future__ import annotations

import re
from datetime import datetime, timedelta
from typing import Any

from services.flightdata.providers.errors import (
    ProviderBadAnswer,
    ProviderError,
    ProviderQuotaExhausted,
    ProviderRateLimited,
    ProviderRejected,
    ProviderRestricted,
    ProviderUnavailable,
)
from services.flightdata.vendors.flightapi import NAME
from services.flightdata.vendors.json_fields import mapping, text
from services.flightdata.vendors.vendor_client import NOT_JSON, VendorAnswer

THROTTLED = timedelta(seconds=4)
"""Minimum time between calls. A user reports that earlier calls get a 401."""
TOO_FAST = re.compile(
    r"\brates?\b|too many (calls|requests|connections)|connections?\b|concurren|throttl"
    r"|per (second|minute|hour)"
)
"""Words of a limit that ends within seconds, even if the message adds `Please upgrade your plan`."""
USED_UP = re.compile(r"credit|quota|exhausted|used up|month")
_ABOUT_THE_KEY = re.compile(r"\busers?\b(?! input)|\b(api[ _-]?)?key\b")
REFUSALS = frozenset({401, 402, 403})
"""Statuses, in addition to 429, whose message may describe a limit.

Messages of other statuses can contain the same words without a limit: a 400 may name a month.
"""
UNTIL_BOUGHT = timedelta(days=1)
"""Time until used-up credits are tried again. Only a purchase renews them, at an unknown time."""


def content(answer: VendorAnswer, feature: str, now: datetime, *, key_works: bool) -> Any:
    """Return the JSON of a response, or None if the vendor has no data (404).

    `key_works` is True if the vendor has accepted the key before. Then a 401 means a rate limit.

    Raises:
        ProviderError: the body or the status of the response is an error.
    """
    if answer.status == 404 and (message := _message(answer)):
        # A 404 means either `No details for your input` or an unknown user of the key.
        if _ABOUT_THE_KEY.search(message):
            raise ProviderRejected(NAME, "doesn't know the key's user (404)")
        return None
    if error := _error_of(answer, feature, now, key_works=key_works):
        raise error
    return answer.body


def _error_of(answer: VendorAnswer, feature: str, now: datetime, *, key_works: bool) -> ProviderError | None:
    message = _message(answer)
    if answer.status == 429 or (
        answer.status in REFUSALS and (TOO_FAST.search(message) or USED_UP.search(message))
    ):
        return _too_much(answer, message, now)
    match answer.status:
        case 400:
            return ProviderBadAnswer(NAME, "refused the request (400)")
        case 401 if key_works:
            return ProviderRateLimited(NAME, "rate limit exceeded (401)", retry_after=THROTTLED)
        case 401:
            return ProviderRejected(NAME, "refuses the key (401)")
        case 403 if answer.body is not NOT_JSON:
            return ProviderRestricted(NAME, feature)
        case status if status >= 300:
            return ProviderUnavailable(NAME, f"answered {status}")
    if answer.body is NOT_JSON:
        if answer.looks_like_html or not answer.text.strip():
            return ProviderUnavailable(NAME, "answered with a web page instead of data")
        return ProviderBadAnswer(NAME, "answered without JSON")
    if not isinstance(answer.body, dict | list):
        return ProviderBadAnswer(NAME, "answered without a JSON object")
    if message and set(mapping(answer.body)) <= {"message", "error", "status"}:
        return ProviderUnavailable(NAME, "reported an internal error")
    return None


def _too_much(answer: VendorAnswer, message: str, now: datetime) -> ProviderError:
    if USED_UP.search(message) and not TOO_FAST.search(message):
        return ProviderQuotaExhausted(NAME, "the key's credits are used up", until=now + UNTIL_BOUGHT)
    wait = timedelta(seconds=answer.retry_after) if answer.retry_after else THROTTLED
    return ProviderRateLimited(NAME, "rate limit exceeded", retry_after=wait)


def _message(answer: VendorAnswer) -> str:
    body = mapping(answer.body)
    return (text(body.get("message")) or text(body.get("error"))).casefold()
