"""Replica leases: which replica holds a call, and which replicas are alive.

A call's row names the replica that has the call's stream. Each replica has one lease row for all its calls,
and renews it twice a second. So calls need no renewal of their own, and a renewal never locks a row that an
append needs.

Clocks of different machines are never compared. A replica counts as alive as long as its lease row changes.
The reader measures the time between changes with its own clock.
"""

from __future__ import annotations

import asyncio
from collections.abc import Collection, Iterable, Mapping
from datetime import datetime

import structlog

from mesh.background import first_of
from mesh.clock import Clock
from mesh.ids import uuid7
from services.conversation.calls.holds import Hold, HoldEnd, Holds
from services.conversation.model.records import Call
from services.conversation.store import Store
from services.conversation.store import leases as table

RENEW_SECONDS = 0.5
"""Interval at which a replica that holds calls renews its lease."""
GATHER_SECONDS = 0.05
"""Shortest pause between two checks. When hundreds of streams move here from another replica, one check
covers many of them."""
LEASE_SECONDS = 2.0
"""Time without a renewal after which a replica counts as dead."""
_log = structlog.get_logger()


class ReplicaLease:
    """This replica's lease. It also makes this replica's holds agree with the calls' rows."""

    def __init__(self, replica_id: str, store: Store, holds: Holds, clock: Clock) -> None:
        self.replica_id = replica_id
        self._store, self._holds, self._clock = store, holds, clock
        self._changed = asyncio.Event()
        self._dirty = True  # an earlier replica with this id may have left rows
        holds.on_change(self.check_soon)

    def check_soon(self) -> None:
        """Check the holds soon. Call it when a hold has changed."""
        self._dirty = True
        self._changed.set()

    def receive_hint(self, call_id: str) -> None:
        """Check the holds soon if this call is held here. Another replica has reported that it changed."""
        if self._holds.is_held(call_id):
            self._changed.set()

    async def run(self) -> None:
        """Renew and check periodically while calls are held here, until cancelled."""
        while True:
            self._changed.clear()
            await self.renew()
            await self._clock.sleep(GATHER_SECONDS)
            if self._holds.held() or self._dirty:
                await first_of(self._changed.wait(), self._clock.sleep(RENEW_SECONDS - GATHER_SECONDS))
            else:
                await self._changed.wait()

    async def renew(self) -> None:
        """Renew the lease, release calls whose streams broke, and end streams whose calls ended or moved.

        A draining replica does nothing, because its agents move to other replicas. For agents that fail to
        move, its lease expires.
        """
        mine = dict(self._holds.held())
        if self._holds.draining or not (mine or self._dirty):
            return
        self._dirty = False
        try:
            async with self._store.writing() as transaction:
                if mine:
                    await table.renew(transaction.connection, self.replica_id, self._clock.now())
                rows = await table.writers_held_by(transaction.connection, self.replica_id)
                if broken := self._unexpected(rows):
                    # A stream that opens one of these calls after this lock waits for our commit. A stream
                    # that opened one before the lock is expected by now.
                    locked = await table.lock_held_by(transaction.connection, self.replica_id, broken)
                    if broken := self._unexpected(locked):
                        await table.release(transaction.connection, self.replica_id, broken)
            lost = [
                hold
                for call_id, hold in mine.items()
                if rows.get(call_id) != (hold.writer.epoch, hold.writer.writer_id)
            ]
            for hold in lost:
                await self._end(hold)
        except BaseException:
            self._dirty = True
            raise

    def _unexpected(self, call_ids: Iterable[str]) -> list[str]:
        return [call_id for call_id in call_ids if not self._holds.is_expected(call_id)]

    async def _end(self, hold: Hold) -> None:
        """End a stream with the reason that the call's row gives."""
        async with self._store.reading() as transaction:
            call = await transaction.call(hold.writer.call_id)
        why = _end_reason(call, hold)
        _log.info("record stream ended", call_id=hold.writer.call_id, why=why.value)
        hold.end(why)


def _end_reason(call: Call | None, hold: Hold) -> HoldEnd:
    if call is None or call.ended:
        return HoldEnd.CALL_ENDED
    if (call.epoch, call.writer_id) != (hold.writer.epoch, hold.writer.writer_id):
        return HoldEnd.AGENT_REPLACED
    return HoldEnd.REOPENED  # on another replica


class LiveReplicas:
    """The live replicas, as this replica observes them."""

    def __init__(self, own_id: str, clock: Clock) -> None:
        self.own_id, self._clock = own_id, clock
        self._seen: dict[str, tuple[datetime, float]] = {}
        self._observed = float("-inf")

    def observe(self, renewals: Mapping[str, datetime]) -> None:
        """Compare the renewal times with those of the last call. A new row counts as changed."""
        now = self._clock.monotonic()
        if now - self._observed > LEASE_SECONDS / 2:
            self._seen.clear()  # too old to tell which replicas are alive
        self._observed = now
        self._seen = {
            replica_id: known
            if (known := self._seen.get(replica_id)) and known[0] == renewed
            else (renewed, now)
            for replica_id, renewed in renewals.items()
        }

    @property
    def alive(self) -> Collection[str]:
        """Ids of the live replicas, including this one."""
        since = self._clock.monotonic() - LEASE_SECONDS
        return {self.own_id} | {
            replica_id for replica_id, (_, changed) in self._seen.items() if changed > since
        }


def new_replica_id() -> str:
    """Return an id for this process. A restarted process is another replica, because its streams are gone."""
    return uuid7()
