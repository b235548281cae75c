"""The encrypted sign-in cookie. With it, customers stay signed in when the web app's server restarts.

The server stores no sessions on disk. It encrypts the session's data, such as the refresh token, so the
browser can't read them. Scripts can't read the cookie either, because it is HttpOnly.
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

COOKIE_NAME = "readback-sign-in"
_MAX_LENGTH = 4096


@dataclass(frozen=True, slots=True)
class SignInCookie:
    """Contents of the cookie."""

    key: str
    """Random key of the session on the server."""
    customer_id: str
    display_name: str
    email: str
    refresh_token: str
    """Token that can be used for one refresh."""
    generation: int
    """Number of refreshes since the sign-in."""
    expires: float
    """End of the session, in seconds since 1970."""

    @property
    def expires_at(self) -> datetime:
        """End of the session, in UTC."""
        return datetime.fromtimestamp(self.expires, UTC)


class CookieCipher:
    """Encryption and authentication of sign-in cookies (Fernet: AES-128-CBC with HMAC-SHA-256)."""

    def __init__(self, secret: str) -> None:
        # Fernet needs a key of exactly 32 bytes, but secrets are texts of any length from 256 bits.
        key = hashlib.sha256(f"sign-in cookie\0{secret}".encode()).digest()
        self._fernet = Fernet(base64.urlsafe_b64encode(key))

    def encrypt(self, cookie: SignInCookie) -> str:
        """Return the encrypted value of a cookie."""
        return self._fernet.encrypt(json.dumps(asdict(cookie)).encode()).decode()

    def decrypt(self, value: str) -> SignInCookie | None:
        """Return the contents of an encrypted value, or None if it is invalid."""
        if not value or len(value) > _MAX_LENGTH:
            return None
        try:
            return SignInCookie(**json.loads(self._fernet.decrypt(value)))
        except (InvalidToken, ValueError, TypeError):
            return None


def cookie_value(headers: Iterable[tuple[bytes, bytes]]) -> str:
    """Return the encrypted sign-in cookie of a request, or an empty string."""
    for name, value in headers:
        if name == b"cookie":
            # `SimpleCookie` stops at a malformed cookie, and another app on this host may have set one.
            sign_in = cookie_parser(value.decode("latin-1")).get(COOKIE_NAME)
            if sign_in is not None:
                return sign_in
    return ""


def set_cookie(value: str, *, max_age: int, secure: bool, path: str = "/") -> str:
    """Return the value of a Set-Cookie header. `max_age` is in seconds; 0 deletes the cookie."""
    attributes = f"Path={path}; Max-Age={max_age}; HttpOnly; SameSite=Lax{'; Secure' if secure else ''}"
    return f"{COOKIE_NAME}={value}; {attributes}"
