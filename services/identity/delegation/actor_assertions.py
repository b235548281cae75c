"""Who speaks for a member of the mesh: signed assertions (RFC 7523 §3) of actors whose public keys this installation trusts."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import jwt

from mesh.clock import Clock
from mesh.security.authentication import ISSUER
from mesh.security.workload_identity import ASSERTION_TYPE
from services.identity.errors import UnknownActor
from services.identity.tokens.signing_keys import ALGORITHM

LONGEST_LIFETIME = timedelta(minutes=5)
"""From an assertion's `iat` to its `exp`."""
LEEWAY = timedelta(seconds=30)
"""How far the actor's clock may be off."""

_CHECKED_HERE = {"verify_exp": False, "verify_iat": False, "verify_nbf": False}  # against the injected clock
_REQUIRED = ["iss", "sub", "aud", "iat", "exp", "jti"]
_LONGEST_JTI = 128

ActorKeys = Callable[[], Mapping[str, bytes]]
"""Reads the trusted actors' public keys (PEM) by name; asked every time, so that taking a key away works at once."""


@dataclass(frozen=True, slots=True)
class Proof:
    """A verified assertion. It proves something once: whoever accepts it remembers `jti` until `expires_at`."""

    actor: str
    jti: str
    expires_at: datetime


class Actors:
    """The actors this installation trusts."""

    def __init__(self, keys: ActorKeys, clock: Clock) -> None:
        self._keys, self._clock = keys, clock

    async def verify(self, assertion: str) -> Proof:
        """What the assertion proves.

        Raises:
            UnknownActor: it proves nothing.
        """
        keys = await asyncio.to_thread(self._keys)
        try:
            if jwt.get_unverified_header(assertion).get("typ") != ASSERTION_TYPE:
                raise UnknownActor("wrong typ")
            # The name picks the key, and the key must then have signed that name.
            name = jwt.decode(assertion, options={"verify_signature": False}).get("iss")
            key = keys.get(name) if isinstance(name, str) else None
            if key is None:
                raise UnknownActor("unknown issuer")
            options = {"require": _REQUIRED, **_CHECKED_HERE}
            claims = jwt.decode(
                assertion,
                key,
                algorithms=[ALGORITHM],
                audience=ISSUER,
                issuer=name,
                options=options,  # type: ignore[arg-type]  # a TypedDict spelt as a dict
            )
        except (jwt.PyJWTError, UnicodeError, RecursionError) as error:
            raise UnknownActor(type(error).__name__) from None
        return self._proof(claims)

    def _proof(self, claims: Mapping[str, Any]) -> Proof:
        jti = claims["jti"]
        # Printable: it is kept as text, and PostgreSQL's takes neither a NUL nor half a surrogate pair.
        if (
            claims["sub"] != claims["iss"]
            or not isinstance(jti, str)
            or not 0 < len(jti) <= _LONGEST_JTI
            or not jti.isprintable()
        ):
            raise UnknownActor("wrong sub or jti")
        issued_at, expires_at, not_before = (
            _instant(claims.get(name, claims["iat"])) for name in ("iat", "exp", "nbf")
        )
        now = self._clock.now()
        if not issued_at < expires_at <= issued_at + LONGEST_LIFETIME:
            raise UnknownActor("wrong lifetime")
        if max(issued_at, not_before) > now + LEEWAY or expires_at <= now:
            raise UnknownActor("expired or not valid yet")
        return Proof(claims["iss"], jti, expires_at)


def _instant(value: object) -> datetime:
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise UnknownActor("malformed time")
    try:
        return datetime.fromtimestamp(value, UTC)
    except (ValueError, OverflowError, OSError):
        raise UnknownActor("malformed time") from None
