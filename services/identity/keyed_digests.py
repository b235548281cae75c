"""Keyed digests of addresses and tokens. Without the pepper, a stolen database can't be searched for them."""

from __future__ import annotations

import hashlib
import hmac


class KeyedDigests:
    """Digests (HMAC-SHA-256, 32 bytes) under a key derived from the installation's pepper."""

    def __init__(self, pepper: bytes) -> None:
        self._key = hmac.digest(pepper, b"keyed digests", hashlib.sha256)

    def of(self, purpose: str, *parts: str) -> bytes:
        """Return the digest of the parts. Digests of another purpose differ."""
        framed = b"".join(
            len(part).to_bytes(4, "big") + part for part in (text.encode() for text in (purpose, *parts))
        )
        return hmac.digest(self._key, framed, hashlib.sha256)
