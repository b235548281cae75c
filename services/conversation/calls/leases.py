"""Which replica holds a call, so that each of them knows a call that another holds from one that is lost.

A call's row names the replica that has its stream. What has to be said twice a second is not that, but that the replica is alive: one
row for each replica, a lease on all the calls it holds. So holding calls costs nothing, and no renewal meets an append on a row.

Clocks of several machines are never compared. A replica is alive as long as its row is seen to change, by the clock of who looks.
"""

from __future__ import annotations

import asyncio
from collections.abc import Collection, Iterable, Mapping
from datetime import datetime

import structlog

from mesh.clock import Clock
from mesh.ids import uuid7
from services.conversation.background import first_of
from services.conversation.calls.holds import Hold, Holds, Over
from services.conversation.model.records import Call
from services.conversation.store import Store
from services.conversation.store import leases as table

RENEW_SECONDS = 0.5
"""How often a replica that holds calls says that it is alive."""
GATHER_SECONDS = 0.05
"""Least pause between looks at the rows: where hundreds of streams come over from another replica, one look serves them all."""
LEASE_SECONDS = 2.0
"""How long it is believed."""
_log = structlog.get_logger()


class Lease:
    """This replica's lease: what its streams hold and what the rows say are kept the same."""

    def __init__(self, replica_id: str, store: Store, holds: Holds, clock: Clock) -> None:
        self.replica_id = replica_id
        self._store, self._holds, self._clock = store, holds, clock
        self._changed = asyncio.Event()
        self._dirty = True  # a replica that was here before under this id may have left some
        holds.notify(self.look)

    def look(self) -> None:
        """Says that a stream came or went."""
        self._dirty = True
        self._changed.set()

    def hear(self, call_id: str) -> None:
        """Says that a call ended or changed hands, perhaps on another replica."""
        if self._holds.is_held(call_id):
            self._changed.set()

    async def run(self) -> None:
        """Keeps the lease, for ever."""
        while True:
            self._changed.clear()
            await self.keep()
            await self._clock.sleep(GATHER_SECONDS)
            await first_of(self._changed.wait(), self._clock.sleep(RENEW_SECONDS - GATHER_SECONDS))

    async def keep(self) -> None:
        """Renews once, gives up the calls whose streams broke, and ends the streams whose calls ended or went elsewhere.

        A replica that drains keeps still: its agents are on their way to another one, and its lease runs out if they don't arrive.
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
                    # Whoever opens one of them from here on waits for this transaction; whoever did before is expected by then.
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
        """Tells a stream why its call is not its own any more."""
        async with self._store.reading() as transaction:
            call = await transaction.call(hold.writer.call_id)
        why = _why(call, hold)
        _log.info("a stream is over", call_id=hold.writer.call_id, why=why.value)
        hold.end(why)


def _why(call: Call | None, hold: Hold) -> Over:
    if call is None or call.ended:
        return Over.CALL_ENDED
    if (call.epoch, call.writer_id) != (hold.writer.epoch, hold.writer.writer_id):
        return Over.AGENT_REPLACED
    return Over.REOPENED  # on another replica


class Replicas:
    """Which replicas are alive, as one of them sees it."""

    def __init__(self, own_id: str, clock: Clock) -> None:
        self.own_id, self._clock = own_id, clock
        self._seen: dict[str, tuple[datetime, float]] = {}
        self._looked = float("-inf")

    def observe(self, renewals: Mapping[str, datetime]) -> None:
        """Takes note of the rows as they are. A row that is new is one that has just changed."""
        now = self._clock.monotonic()
        if now - self._looked > LEASE_SECONDS / 2:
            self._seen.clear()  # nobody was looking, or nobody could write: nothing is known of anybody
        self._looked = now
        self._seen = {
            replica_id: known
            if (known := self._seen.get(replica_id)) and known[0] == renewed
            else (renewed, now)
            for replica_id, renewed in renewals.items()
        }

    @property
    def alive(self) -> Collection[str]:
        """Ids of the living, this one included."""
        since = self._clock.monotonic() - LEASE_SECONDS
        return {self.own_id} | {
            replica_id for replica_id, (_, changed) in self._seen.items() if changed > since
        }


def new_replica_id() -> str:
    """An id for a process: one that is restarted is another replica, since its streams are gone."""
    return uuid7()
