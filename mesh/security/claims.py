"""Claims of a JWT, read strictly: even a signed token can hold any JSON."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

MAX_TEXT_LENGTH = 256
_LATEST = datetime(3000, 1, 1, tzinfo=UTC).timestamp()  # leaves room for sums with a timedelta


class MalformedClaim(ValueError):
    """A claim is missing, or has another type or range than expected."""


def instant(claims: Mapping[str, Any], name: str) -> datetime:
    """Return a NumericDate (RFC 7519 §2) between the years 1970 and 3000.

    Raises:
        MalformedClaim: the claim is no such number.
    """
    value = claims.get(name)
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise MalformedClaim(name)
    # NaN fails every comparison. `fromtimestamp` has a different error for each kind of huge number.
    if not 0 <= value <= _LATEST:
        raise MalformedClaim(name)
    return datetime.fromtimestamp(value, UTC)


def text(claims: Mapping[str, Any], name: str) -> str:
    """Return a text of 1 to `MAX_TEXT_LENGTH` printable characters. PostgreSQL refuses NUL and surrogates.

    Raises:
        MalformedClaim: the claim is no such text.
    """
    value = claims.get(name)
    if not isinstance(value, str) or not 0 < len(value) <= MAX_TEXT_LENGTH or not value.isprintable():
        raise MalformedClaim(name)
    return value


def optional_text(claims: Mapping[str, Any], name: str) -> str | None:
    """Return a text as `text` does, or None if the claim is missing.

    Raises:
        MalformedClaim: the claim is no such text.
    """
    return text(claims, name) if name in claims else None
