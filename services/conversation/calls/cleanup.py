"""Cleanup after ended calls: close the room, revoke the grant, and retry both until they succeed.

The grant stays in the call's row until the cleanup is done, so the cleanup continues after a restart of the
service.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable
from datetime import datetime, timedelta

import structlog

from mesh.background import first_of
from mesh.clock import Clock
from services.conversation.calls.ports import Grants, GrantsUnavailable, Rooms, RoomsUnavailable
from services.conversation.model.records import Call
from services.conversation.store import Store, deletion
from services.conversation.store.deletion import DeletedCall

BATCH = 32
"""Most calls cleaned up in one sweep."""
RETRY_SECONDS = 5.0
"""Pause before a failed cleanup is retried."""
SWEEP_SECONDS = 30.0
"""Pause between sweeps when nothing is left to do here. These sweeps find calls that ended on dead
replicas. Two replicas may clean up the same call."""
CLOSE_WITHIN = timedelta(minutes=5)
"""Time after the end of a call in which closing its room is retried. Later, LiveKit has closed the empty
room."""

_log = structlog.get_logger()


class CallCleanup:
    """Cleanup after the ended calls of all replicas."""

    def __init__(self, store: Store, rooms: Rooms, grants: Grants, clock: Clock) -> None:
        self._store, self._rooms, self._grants, self._clock = store, rooms, grants, clock
        self._ended = asyncio.Event()

    def call_ended(self) -> None:
        """Start a sweep, because a call has ended."""
        self._ended.set()

    async def run(self) -> None:
        """Sweep whenever a call ends on this replica, and periodically. Runs until cancelled."""
        while True:
            self._ended.clear()
            if await self.sweep():
                await first_of(self._ended.wait(), self._clock.sleep(SWEEP_SECONDS))
            else:
                await self._clock.sleep(RETRY_SECONDS)

    async def sweep(self) -> bool:
        """Clean up one batch of calls; return True if nothing is left to do."""
        async with self._store.reading() as transaction:
            found = await transaction.calls_to_clean_up(limit=BATCH)
            deleted = await deletion.deleted_calls_to_clean_up(transaction.connection, limit=BATCH)
        done = [call for call in found if await self._clean_up(call, call.end_time)]
        gone = [call.call_id for call in deleted if await self._clean_up(call, call.delete_time)]
        if done or gone:
            async with self._store.writing() as transaction:
                for call in done:
                    await transaction.change_call(call.key, sealed_grant=None)
                await deletion.purge_deleted_calls(transaction.connection, gone)
        return len(done) == len(found) < BATCH and len(gone) == len(deleted) < BATCH

    async def _clean_up(self, call: Call | DeletedCall, ended: datetime | None) -> bool:
        closed = await self._attempt(call, self._rooms.close(call.room))
        revoked = await self._attempt(call, self._grants.revoke(call.call_id))
        in_time = ended is not None and self._clock.now() - ended < CLOSE_WITHIN
        return revoked and (closed or not in_time)

    async def _attempt(self, call: Call | DeletedCall, attempt: Awaitable[None]) -> bool:
        try:
            await attempt
        except (RoomsUnavailable, GrantsUnavailable) as error:
            _log.warning("call cleanup failed", call_id=call.call_id, why=str(error))
            return False
        return True
