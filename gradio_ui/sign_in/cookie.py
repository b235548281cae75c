"""The encrypted sign-in cookie. It survives a restart of the web app's server, which stores nothing on disk.

The browser holds ciphertext in an HttpOnly cookie; only the server can read its contents, above all the
refresh token.
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
    """Good for one refresh."""
    generation: int
    """Number of refreshes since the sign-in."""
    expires: float
    """End of the session, in seconds since 1970."""

    @property
    def expires_at(self) -> datetime:
        """End of the session."""
        return datetime.fromtimestamp(self.expires, UTC)


class CookieCipher:
    """Encryption and authentication of sign-in cookies (Fernet: AES-128-CBC with HMAC-SHA-256)."""

    def __init__(self, secret: str) -> None:
        # Fernet takes exactly 32 bytes; secrets are text of at least 256 bits.
        key = hashlib.sha256(f"sign-in cookie\0{secret}".encode()).digest()
        self._fernet = Fernet(base64.urlsafe_b64encode(key))

    def encrypt(self, cookie: SignInCookie) -> str:
        """Return the cookie's value."""
        return self._fernet.encrypt(json.dumps(asdict(cookie)).encode()).decode()

    def decrypt(self, value: str) -> SignInCookie | None:
        """Return the contents of a value, None for an invalid one."""
        if not value or len(value) > _MAX_LENGTH:
            return None
        try:
            return SignInCookie(**json.loads(self._fernet.decrypt(value)))
        except (InvalidToken, ValueError, TypeError):
            return None


def cookie_value(headers: Iterable[tuple[bytes, bytes]]) -> str:
    """Return the encrypted cookie of a request, empty without one."""
    for name, value in headers:
        if name == b"cookie":
            # `SimpleCookie` stops at the first malformed value, and all ports of a host share their cookies.
            sign_in = cookie_parser(value.decode("latin-1")).get(COOKIE_NAME)
            if sign_in is not None:
                return sign_in
    return ""


def set_cookie(value: str, *, max_age: int, secure: bool) -> str:
    """Return the value of a Set-Cookie header. An empty `value` with `max_age` 0 deletes the cookie."""
    attributes = f"Path=/; Max-Age={max_age}; HttpOnly; SameSite=Lax{'; Secure' if secure else ''}"
    return f"{COOKIE_NAME}={value}; {attributes}"
