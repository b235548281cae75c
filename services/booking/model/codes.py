"""Codes of bookings, to say aloud."""

from __future__ import annotations

import secrets

ALPHABET = "ABCDEFGHJKLMNPQRSTUVWXYZ23456789"
"""Letters and digits without I, O, 0 and 1, which are easily confused."""
LENGTH = 6


def new_code() -> str:
    """Return a random code; the caller must make sure that it is unused."""
    return "".join(secrets.choice(ALPHABET) for _ in range(LENGTH))
