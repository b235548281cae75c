"""Workload identity: services exchange signed assertions (RFC 7523) for access tokens (RFC 8693)."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import jwt
from readback.internal.identity.v1 import identity_internal_service_pb2 as internal
from readback.internal.identity.v1 import identity_internal_service_pb2_grpc

from mesh.clock import Clock, SystemClock
from mesh.ids import uuid7
from mesh.security.authentication import ALGORITHM, ISSUER

ASSERTION_TYPE = "client-authentication+jwt"
ASSERTION_LIFETIME = timedelta(minutes=2)
RENEW_BEFORE = timedelta(seconds=60)
"""Remaining lifetime below which a token is renewed instead of used."""


@dataclass(frozen=True, slots=True)
class ExchangedToken:
    """A short-lived access token."""

    token: str
    expires_at: datetime

    def fresh_at(self, now: datetime) -> bool:
        """Return whether the token is valid for at least `RENEW_BEFORE`."""
        return self.expires_at - now > RENEW_BEFORE


def make_assertion(name: str, private_key_pem: bytes, *, now: datetime) -> str:
    """Return a JWT that authenticates a service to the identity service.

    It can be used once, within `ASSERTION_LIFETIME`.
    """
    claims = {
        "iss": name,
        "sub": name,
        "aud": ISSUER,
        "iat": now,
        "exp": now + ASSERTION_LIFETIME,
        "jti": uuid7(),
    }
    return jwt.encode(claims, private_key_pem, ALGORITHM, headers={"typ": ASSERTION_TYPE})


class WorkloadIdentity:
    """A service's name and private key, and the access tokens it obtains with them."""

    def __init__(
        self,
        name: str,
        private_key_pem: bytes,
        identity: identity_internal_service_pb2_grpc.IdentityInternalServiceAsyncStub,
        clock: Clock | None = None,
    ) -> None:
        self._name, self._key, self._identity = name, private_key_pem, identity
        self._clock = clock or SystemClock()
        self._own: ExchangedToken | None = None
        self._lock = asyncio.Lock()

    async def own_token(self) -> str:
        """Return the service's own token. It is cached until its remaining lifetime is `RENEW_BEFORE`.

        Raises:
            grpc.aio.AioRpcError: identity refused, or can't be reached.
        """
        async with self._lock:
            if self._own is None or not self._own.fresh_at(self._clock.now()):
                self._own = await self.exchange("")
            return self._own.token

    async def exchange(self, grant: str) -> ExchangedToken:
        """Return a token for the customer and call of a grant; for an empty grant, the service's own token.

        Raises:
            grpc.aio.AioRpcError: identity refused, or can't be reached.
        """
        assertion = make_assertion(self._name, self._key, now=self._clock.now())
        request = internal.ExchangeTokenRequest(actor_assertion=assertion, grant=grant)
        response = await self._identity.ExchangeToken(request, timeout=5)
        return ExchangedToken(response.access_token, response.expire_time.ToDatetime(UTC))
