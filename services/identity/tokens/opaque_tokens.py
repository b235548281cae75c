"""Opaque tokens: 256 random bits for the holder, a SHA-256 digest for the database.

A fast hash is enough, since nobody can try 2^256 values; a stolen database holds nothing that can be presented.
"""

from __future__ import annotations

import hashlib
import secrets
from dataclasses import dataclass, field
from typing import Literal


@dataclass(frozen=True, slots=True)
class OpaqueToken:
    """A token just made: the text leaves once and is not kept."""

    text: str = field(repr=False)
    digest: bytes


def new_token(kind: Literal["rbr", "rbg"]) -> OpaqueToken:
    """A refresh token (`rbr_…`) or a grant (`rbg_…`); the prefix lets secret scanners and people tell what leaked."""
    text = f"{kind}_{secrets.token_urlsafe(32)}"
    return OpaqueToken(text, digest_of(text))


def digest_of(text: str) -> bytes:
    """What the database knows a token by, 32 bytes."""
    return hashlib.sha256(text.encode()).digest()
