"""Revoked access tokens, as verifiers learn of them from the identity service.

The list is fetched when a token is verified and the last fetch is `FETCH_SECONDS` old. So an idle service
fetches nothing, and a revoked token is refused within `MAX_AGE_SECONDS`.
"""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Awaitable, Callable, Collection, Iterable

import grpc
import structlog
from readback.identity.v1 import identity_service_pb2
from readback.internal.identity.v1 import identity_internal_service_pb2 as internal
from readback.internal.identity.v1.identity_internal_service_pb2_grpc import IdentityInternalServiceStub

from mesh.clock import Clock, SystemClock
from mesh.security.authentication import Principal, TokenVerifier
from mesh.security.jwks import keys_of_identity

IDENTITY = (
    identity_service_pb2.DESCRIPTOR.services_by_name["IdentityService"],
    internal.DESCRIPTOR.services_by_name["IdentityInternalService"],
)
"""The services of identity, for a channel of a process that verifies tokens."""
FETCH_SECONDS = 10.0
"""Minimum interval of fetches."""
MAX_AGE_SECONDS = 30.0
"""Age above which a token waits for the next list, unless the last fetch failed."""
FETCH_TIMEOUT_SECONDS = 1.0
_log = structlog.get_logger()


def hash_of(subject: str) -> bytes:
    """Return the hash by which the id of a customer or session is listed (16 bytes of SHA-256)."""
    return hashlib.sha256(subject.encode()).digest()[:16]


class RevocationList:
    """The list of revocations. While it can't be fetched, the last list applies."""

    def __init__(self, fetch: Callable[[], Awaitable[Iterable[bytes]]], clock: Clock | None = None) -> None:
        self._fetch, self._clock = fetch, clock or SystemClock()
        self._hashes: Collection[bytes] = frozenset()
        self._fetched_at = self._tried_at = float("-inf")
        self._fetching: asyncio.Task[None] | None = None
        self._failed = False

    async def includes(self, principal: Principal) -> bool:
        """Return whether the caller's tokens are revoked: the customer is deleted, or the session ended."""
        now = self._clock.monotonic()
        if self._fetching is None and now - self._tried_at >= FETCH_SECONDS:
            self._tried_at = now
            self._fetching = asyncio.create_task(self._refresh())
        # A list that can't be fetched must not delay every request.
        if self._fetching is not None and now - self._fetched_at > MAX_AGE_SECONDS and not self._failed:
            await asyncio.shield(self._fetching)
        if not self._hashes:
            return False
        return any(
            one and hash_of(one) in self._hashes for one in (principal.customer_id, principal.session_id)
        )

    async def _refresh(self) -> None:
        try:
            self._hashes = frozenset(await self._fetch())
            self._fetched_at, self._failed = self._clock.monotonic(), False
        except grpc.aio.AioRpcError as error:
            self._failed = True
            _log.warning("revocations fetch failed", code=error.code().name, kept=len(self._hashes))
        finally:
            self._fetching = None


def verifier_of_identity(channel: grpc.aio.Channel, clock: Clock | None = None) -> TokenVerifier:
    """Return a verifier with the keys and revocations of the identity service, fetched over a channel."""
    stub = IdentityInternalServiceStub(channel)

    async def fetch() -> Iterable[bytes]:
        request = internal.GetRevocationsRequest()
        return (await stub.GetRevocations(request, timeout=FETCH_TIMEOUT_SECONDS)).hashes

    return TokenVerifier(
        keys_of_identity(channel, clock), clock=clock, revocations=RevocationList(fetch, clock)
    )
