"""Opaque tokens (refresh tokens and grants), and the rotation of refresh tokens with reuse detection.

An opaque token is 256 random bits; the database stores its SHA-256 digest. A fast hash is enough, because
2^256 values can't be tried.

Rotation (RFC 9700 §4.14.2, OWASP ASVS 5.0 10.4.5): each refresh spends a token and returns its successor. A
spent token that is used again means one of two things:

* It was spent seconds ago, and its successor wasn't used yet: the response got lost, or two tabs refreshed at
  the same time. The answer has the same successor again.
* Otherwise two parties may have the session's tokens, so the session is ended.

The successor is derived from the token with the installation's key. So it can be repeated although only its
digest is stored, and a token has one successor at most.
"""

from __future__ import annotations

import base64
import hashlib
import secrets
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Literal

from services.identity.keyed_digests import KeyedDigests
from services.identity.store.records import RefreshToken


@dataclass(frozen=True, slots=True)
class OpaqueToken:
    """A new token. The text goes to its holder and is not stored."""

    text: str = field(repr=False)
    digest: bytes


def new_token(kind: Literal["rbr", "rbg"]) -> OpaqueToken:
    """Return a refresh token (`rbr_…`) or a grant (`rbg_…`). Secret scanners recognise the prefix."""
    text = f"{kind}_{secrets.token_urlsafe(32)}"
    return OpaqueToken(text, digest_of(text))


def digest_of(text: str) -> bytes:
    """Return the digest that the database stores for a token (32 bytes)."""
    return hashlib.sha256(text.encode()).digest()


def successor_of(text: str, digests: KeyedDigests) -> OpaqueToken:
    """Return the successor of a refresh token. Without the installation's key it can't be computed."""
    secret = base64.urlsafe_b64encode(digests.of("refresh token", text)).rstrip(b"=").decode()
    successor = f"rbr_{secret}"
    return OpaqueToken(successor, digest_of(successor))


def may_repeat(token: RefreshToken, successor: RefreshToken | None, now: datetime, window: timedelta) -> bool:
    """Return whether a spent token may return its successor again, instead of ending its session."""
    return (
        token.spent_at is not None
        and now - token.spent_at < window
        and successor is not None
        and successor.spent_at is None
    )
