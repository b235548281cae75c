"""The token in which the agent acts for the customer, for one call, a few minutes at a time."""

from __future__ import annotations

import asyncio

from mesh.clock import Clock, SystemClock
from mesh.security.workload_identity import ExchangedToken, WorkloadIdentity


class ActToken:
    """A source of tokens for a channel: exchanges the call's grant, and again before the token expires."""

    def __init__(self, workload: WorkloadIdentity, grant: str, clock: Clock | None = None) -> None:
        self._workload, self._grant, self._clock = workload, grant, clock or SystemClock()
        self._current: ExchangedToken | None = None
        self._lock = asyncio.Lock()

    async def __call__(self) -> str:
        """A token that is good for a while.

        Raises:
            grpc.aio.AioRpcError: identity can't be reached, or the grant was revoked.
        """
        async with self._lock:
            if self._current is None or not self._current.fresh_at(self._clock.now()):
                self._current = await self._workload.exchange(self._grant)
            return self._current.token
