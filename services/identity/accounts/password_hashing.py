"""Password hashing: bcrypt over a keyed digest.

bcrypt reads only 72 bytes and stops at a NUL. So it gets base64(HMAC-SHA-384(password, pepper)): 64 printable
characters for every password (OWASP Password Storage Cheat Sheet, "Pre-Hashing Passwords with bcrypt"). The
pepper is not stored in the database. A stored hash begins with the version of its scheme:

    v2  hash of the prepared password (see `password_preparation`)
    v1  hash of the password as it was typed at registration
"""

from __future__ import annotations

import base64
import hmac

import bcrypt

from services.identity.accounts.password_preparation import prepared

VERSION = "v2"
_AS_TYPED = "v1"


class PasswordHasher:
    """Creates and checks password hashes. A hash at cost 12 takes one core about half a second."""

    def __init__(self, pepper: bytes, *, cost: int) -> None:
        self._pepper, self._cost = pepper, cost
        # A hash that no password matches. Checking it takes as long as checking a real hash.
        self._unmatchable = bcrypt.gensalt(cost) + b"." * 31

    def hash(self, password: str) -> str:
        """Return the versioned hash of a password."""
        hashed = bcrypt.hashpw(self._digest(prepared(password)), bcrypt.gensalt(self._cost))
        return f"{VERSION}{hashed.decode()}"

    def verify(self, password: str, stored: str | None) -> bool:
        """Return whether a password matches a stored hash. With None (unknown account) it takes as long."""
        if stored is None:
            bcrypt.checkpw(self._digest(prepared(password)), self._unmatchable)
            return False
        version, mark, rest = stored.partition("$")
        if version not in (VERSION, _AS_TYPED):
            raise ValueError(f"unknown version of password hash: {version}")
        form = password if version == _AS_TYPED else prepared(password)
        return bcrypt.checkpw(self._digest(form), (mark + rest).encode())

    def is_outdated(self, stored: str) -> bool:
        """Return whether the hash has another version or cost, and should be replaced at the next sign-in."""
        return not stored.startswith(f"{VERSION}$2b${self._cost:02d}$")

    def _digest(self, password: str) -> bytes:
        return base64.b64encode(hmac.digest(self._pepper, password.encode(), "sha384"))
