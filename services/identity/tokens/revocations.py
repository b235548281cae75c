"""Revoked access tokens: those of deleted customers and of ended sessions, until they have expired."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

from mesh.clock import Clock
from mesh.security.revocations import hash_of
from services.identity.store.store import Store

MOST = 20_000
"""Most revocations that verifiers get. Older ones expire first."""
CACHED_SECONDS = 1.0
"""Age at which the list is read again, so that a flood of requests doesn't reach the database."""


class Revocations:
    """The list of revocations, as verifiers get it."""

    def __init__(self, store: Store, clock: Clock) -> None:
        self._store, self._clock = store, clock
        self._hashes: Sequence[bytes] = ()
        self._read_at = float("-inf")
        self._reading = asyncio.Lock()

    async def hashes(self) -> Sequence[bytes]:
        """Return the hashes of the customers and sessions whose access tokens are revoked."""
        # Others wait for a running read: until the first succeeds, the list would lack every revocation.
        async with self._reading:
            began_at = self._clock.monotonic()
            if began_at - self._read_at >= CACHED_SECONDS:
                async with self._store.reading() as tx:
                    self._hashes = [hash_of(one) for one in await tx.revoked(self._clock.now(), limit=MOST)]
                self._read_at = began_at
        return self._hashes
