"""The sign-in as an encrypted cookie: it survives a restart of the page's server, which keeps nothing on disk.

The browser holds ciphertext in an HttpOnly cookie; what is inside (the refresh token above all) is readable here alone.
"""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from datetime import UTC, datetime

from cryptography.fernet import Fernet, InvalidToken
from starlette.requests import cookie_parser

COOKIE = "readback-sign-in"
_MAX_LENGTH = 4096


@dataclass(frozen=True, slots=True)
class SignIn:
    """What a browser's cookie says."""

    key: str
    """Random name of this sign-in at this server."""
    customer_id: str
    """Whose it is."""
    display_name: str
    """How to address the person."""
    email: str
    """The person's e-mail address."""
    refresh_token: str
    """Buys the next access token, once."""
    generation: int
    """How often the refresh token has changed since the sign-in."""
    expires: float
    """When the session ends for good, in seconds since 1970."""

    @property
    def expires_at(self) -> datetime:
        """When the session ends for good."""
        return datetime.fromtimestamp(self.expires, UTC)


class CookieSeal:
    """Encrypts and authenticates sign-ins (Fernet: AES-128-CBC with HMAC-SHA-256)."""

    def __init__(self, secret: str) -> None:
        # Fernet takes exactly 32 bytes; secrets are text of at least 256 bits.
        self._fernet = Fernet(
            base64.urlsafe_b64encode(hashlib.sha256(f"sign-in cookie\0{secret}".encode()).digest())
        )

    def seal(self, sign_in: SignIn) -> str:
        """The cookie's value."""
        return self._fernet.encrypt(json.dumps(asdict(sign_in)).encode()).decode()

    def open(self, value: str) -> SignIn | None:
        """What a cookie says; None for one that nobody here sealed."""
        if not value or len(value) > _MAX_LENGTH:
            return None
        try:
            return SignIn(**json.loads(self._fernet.decrypt(value)))
        except (InvalidToken, ValueError, TypeError):
            return None


def cookie_of(headers: Iterable[tuple[bytes, bytes]]) -> str:
    """The sign-in cookie of a request; empty when there is none."""
    for name, value in headers:
        if name == b"cookie":
            # Not `SimpleCookie`: it reads nothing behind a value of no strict form, and every port of a host has the same cookies.
            sign_in = cookie_parser(value.decode("latin-1")).get(COOKIE)
            if sign_in is not None:
                return sign_in
    return ""


def set_cookie(value: str, *, max_age: int, secure: bool) -> str:
    """A Set-Cookie header's value; an empty `value` with `max_age` 0 deletes the cookie."""
    return (
        f"{COOKIE}={value}; Path=/; Max-Age={max_age}; HttpOnly; SameSite=Lax{'; Secure' if secure else ''}"
    )
