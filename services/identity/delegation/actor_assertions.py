"""Assertions with which services authenticate as actors (RFC 7523 §3): JWTs signed with a trusted key."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import jwt

from mesh.clock import Clock
from mesh.security.authentication import ISSUER
from mesh.security.claims import MalformedClaim, instant, text
from mesh.security.workload_identity import ASSERTION_TYPE
from services.identity.errors import UnknownActor
from services.identity.tokens.signing_keys import ALGORITHM

MAX_LIFETIME = timedelta(minutes=5)
"""Maximum time between an assertion's `iat` and `exp`."""
LEEWAY = timedelta(seconds=30)
"""Maximum difference between the actor's clock and this machine's."""

# The times are checked against the injected clock, in `_verified`.
_NO_TIME_CHECKS = {"verify_exp": False, "verify_iat": False, "verify_nbf": False}
_REQUIRED = ["iss", "sub", "aud", "iat", "exp", "jti"]
_MAX_JTI_LENGTH = 128

ActorKeys = Callable[[], Mapping[str, bytes]]
"""Returns the trusted actors' public keys (PEM) by name. Called for every assertion, so that removing
a key takes effect immediately."""


@dataclass(frozen=True, slots=True)
class VerifiedAssertion:
    """A verified assertion. It may be used once, so `jti` must be stored until `expires_at`."""

    actor: str
    jti: str
    expires_at: datetime


class AssertionVerifier:
    """Verifies assertions of the trusted actors."""

    def __init__(self, keys: ActorKeys, clock: Clock) -> None:
        self._keys, self._clock = keys, clock

    async def verify(self, assertion: str) -> VerifiedAssertion:
        """Verify an assertion.

        Raises:
            UnknownActor: the assertion is invalid.
        """
        keys = await asyncio.to_thread(self._keys)
        try:
            if jwt.get_unverified_header(assertion).get("typ") != ASSERTION_TYPE:
                raise UnknownActor("wrong typ")
            # The unverified name only selects the key; the signature then proves the name.
            name = jwt.decode(assertion, options={"verify_signature": False}).get("iss")
            key = keys.get(name) if isinstance(name, str) else None
            if key is None:
                raise UnknownActor("unknown issuer")
            options = {"require": _REQUIRED, **_NO_TIME_CHECKS}
            claims = jwt.decode(
                assertion,
                key,
                algorithms=[ALGORITHM],
                audience=ISSUER,
                issuer=name,
                options=options,  # type: ignore[arg-type]  # a TypedDict written as a dict
            )
        except (jwt.PyJWTError, UnicodeError, RecursionError) as error:
            raise UnknownActor(type(error).__name__) from None
        return self._verified(claims)

    def _verified(self, claims: Mapping[str, Any]) -> VerifiedAssertion:
        try:
            name, jti = text(claims, "iss"), text(claims, "jti")
            issued_at, expires_at = instant(claims, "iat"), instant(claims, "exp")
            not_before = instant(claims, "nbf") if "nbf" in claims else issued_at
        except MalformedClaim as error:
            raise UnknownActor(f"malformed {error}") from None
        now = self._clock.now()
        if claims["sub"] != name or len(jti) > _MAX_JTI_LENGTH:
            raise UnknownActor("wrong sub or jti")
        if not issued_at < expires_at <= issued_at + MAX_LIFETIME:
            raise UnknownActor("wrong lifetime")
        if max(issued_at, not_before) > now + LEEWAY or expires_at <= now:
            raise UnknownActor("expired or not valid yet")
        return VerifiedAssertion(name, jti, expires_at)
