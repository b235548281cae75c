"""What FlightAPI.io's answers mean. Its statuses say several things each, and 200 may hold nothing, HTML, or a message."""

from __future__ import annotations

import re
from datetime import datetime, timedelta
from enum import Enum
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
"""Two calls closer than this are answered with a 401, as one that met it reports."""
TOO_FAST = re.compile(
    r"\brates?\b|too many (calls|requests|connections)|connections?\b|concurren|throttl|per (second|minute|hour)"
)
"""What a message says of a limit that is over in seconds, whatever else it says: `Too many requests. Please upgrade your plan`."""
USED_UP = re.compile(r"credit|quota|exhausted|used up|month")
_ABOUT_THE_KEY = re.compile(r"\busers?\b(?! input)|\b(api[ _-]?)?key\b")
REFUSALS = frozenset({401, 402, 403})
"""Statuses beside 429 whose message may tell of a limit: a mistake of ours (400) may name a month, a failure over there (5xx) memory."""
UNTIL_BOUGHT = timedelta(days=1)
"""Credits come with a purchase, and nobody says when: look again the next day."""


class Known(Enum):
    """What can be said of a key before an answer is read."""

    NOTHING = "nothing"
    WORKS = "works"
    """It has been answered before, so a refusal is a throttle."""


def content(answer: VendorAnswer, feature: str, key: Known, now: datetime) -> Any:
    """The JSON of an answer; None when it says that there is nothing (404).

    Raises:
        ProviderError: of the kind that the body, or failing that the status, tells.
    """
    if answer.status == 404 and _message(answer):
        return _nothing(answer)
    if error := error_of(answer, feature, key, now):
        raise error
    return answer.body


def _nothing(answer: VendorAnswer) -> None:
    """`No details for your input` is an answer; the same status also says that a key's user is unknown."""
    message = _message(answer)
    if _ABOUT_THE_KEY.search(message):
        raise ProviderRejected(NAME, "doesn't know the key's user (404)")


def error_of(answer: VendorAnswer, feature: str, key: Known, now: datetime) -> ProviderError | None:
    """The error an answer is; None when it brings data."""
    message = _message(answer)
    if answer.status == 429 or (
        answer.status in REFUSALS and (TOO_FAST.search(message) or USED_UP.search(message))
    ):
        return _too_much(answer, message, now)
    match answer.status:
        case 400:
            return ProviderBadAnswer(NAME, "refused what it was asked for (400)")
        case 401:
            return _unauthorised(key)
        case 403 if answer.body is not NOT_JSON:
            return ProviderRestricted(NAME, feature)
        case status if status >= 300:
            return ProviderUnavailable(NAME, f"answered {status}")
    if answer.body is NOT_JSON:
        if answer.looks_like_html or not answer.text.strip():
            return ProviderUnavailable(NAME, "answered with a page instead of data")
        return ProviderBadAnswer(NAME, "answered with something else than JSON")
    if not isinstance(answer.body, dict | list):
        return ProviderBadAnswer(NAME, "answered with something else than an object")
    return (
        ProviderUnavailable(NAME, "failed on its side")
        if message and set(mapping(answer.body)) <= {"message", "error", "status"}
        else None
    )


def _unauthorised(key: Known) -> ProviderError:
    if key is Known.WORKS:
        return ProviderRateLimited(NAME, "was asked too often (401)", retry_after=THROTTLED)
    return ProviderRejected(NAME, "refuses the key (401)")


def _too_much(answer: VendorAnswer, message: str, now: datetime) -> ProviderError:
    if USED_UP.search(message) and not TOO_FAST.search(message):
        return ProviderQuotaExhausted(NAME, "the key's credits are used up", until=now + UNTIL_BOUGHT)
    wait = timedelta(seconds=answer.retry_after) if answer.retry_after else THROTTLED
    return ProviderRateLimited(NAME, "was asked too often", retry_after=wait)


def _message(answer: VendorAnswer) -> str:
    body = mapping(answer.body)
    return (text(body.get("message")) or text(body.get("error"))).casefold()
