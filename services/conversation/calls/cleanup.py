"""What an ended call leaves behind: its room is closed and its grant revoked, however often that has to be tried.

Until both are done the call's row keeps the grant; so nothing is forgotten when the service dies in between.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable
from datetime import datetime, timedelta

import structlog

from mesh.clock import Clock
from services.conversation.background import first_of
from services.conversation.calls.ports import Grants, GrantsUnavailable, Rooms, RoomsUnavailable
from services.conversation.model.records import Call
from services.conversation.store import Store, deletion
from services.conversation.store.deletion import DeletedCall

AT_ONCE = 32
"""Calls cleared up in one go."""
AGAIN_SECONDS = 5.0
"""Pause before what could not be cleared up is tried again."""
SWEEP_SECONDS = 30.0
"""Pause between looks for what others left. That two replicas clear up after the same call does no harm."""
CLOSE_WITHIN = timedelta(minutes=5)
"""How long closing a room is tried: LiveKit ends an empty one by itself."""

_log = structlog.get_logger()


class Leftovers:
    """Clears up after ended calls."""

    def __init__(self, store: Store, rooms: Rooms, grants: Grants, clock: Clock) -> None:
        self._store, self._rooms, self._grants, self._clock = store, rooms, grants, clock
        self._more = asyncio.Event()

    def left(self) -> None:
        """Says that a call has ended."""
        self._more.set()

    async def run(self) -> None:
        """Clears up, for ever: at once after a call has ended here, and now and then what a replica that died left."""
        while True:
            self._more.clear()
            if await self.clear():
                await first_of(self._more.wait(), self._clock.sleep(SWEEP_SECONDS))
            else:
                await self._clock.sleep(AGAIN_SECONDS)

    async def clear(self) -> bool:
        """Clears up once; says whether nothing is left."""
        async with self._store.reading() as transaction:
            found = await transaction.calls_with_leftovers(limit=AT_ONCE)
            deleted = await deletion.deleted_calls_left(transaction.connection, limit=AT_ONCE)
        done = [call for call in found if await self._cleared(call, call.end_time)]
        gone = [call.call_id for call in deleted if await self._cleared(call, call.delete_time)]
        if done or gone:
            async with self._store.writing() as transaction:
                for call in done:
                    await transaction.change_call(call.key, sealed_grant=None)
                await deletion.forget_deleted_calls(transaction.connection, gone)
        return len(done) == len(found) < AT_ONCE and len(gone) == len(deleted) < AT_ONCE

    async def _cleared(self, call: Call | DeletedCall, ended: datetime | None) -> bool:
        closed = await self._managed(call, self._rooms.close(call.room))
        revoked = await self._managed(call, self._grants.revoke(call.call_id))
        in_time = ended is not None and self._clock.now() - ended < CLOSE_WITHIN
        return revoked and (closed or not in_time)

    async def _managed(self, call: Call | DeletedCall, attempt: Awaitable[None]) -> bool:
        try:
            await attempt
        except (RoomsUnavailable, GrantsUnavailable) as error:
            _log.warning("something is left of an ended call", call_id=call.call_id, why=str(error))
            return False
        return True
