"""Opaque tokens (refresh tokens and grants), and the rotation of refresh tokens with reuse detection.

An opaque token is 256 random bits; the database stores its SHA-256 digest. A fast hash is enough, because
2^256 values can't be tried.

Rotation (RFC 9700 §4.14.2, OWASP ASVS 5.0 10.4.5): each refresh spends a token and creates its successor. A
spent token that is used again means one of two things:

* No successor was used yet: the response got lost, or two tabs refreshed at the same time. The token gets
  another successor. Only the successor that is used first stays valid.
* A successor was used: two parties have the session's tokens, so the session is ended.

So the parent of the newest token is accepted, and older tokens are not.
"""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Collection
from dataclasses import dataclass, field
from typing import Literal

from services.identity.errors import RefreshTokenReused
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


def refuse_reuse(token: RefreshToken, relatives: Collection[RefreshToken]) -> None:
    """Raise RefreshTokenReused if a child or sibling of the token was used.

    `relatives` must contain the token's children and siblings, and may contain other tokens of the session.
    """
    for other in relatives:
        is_child = other.parent == token.digest
        is_sibling = (
            token.parent is not None and other.parent == token.parent and other.digest != token.digest
        )
        if (is_child or is_sibling) and other.spent_at is not None:
            raise RefreshTokenReused
