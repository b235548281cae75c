"""The transcript log: entries 1, 2, 3 … of a conversation, without gaps, each stored once.

Entries are added in two ways. `GroupCommit` adds the appends of writers, many in one transaction. A `Commit`
adds all other entries (a call starts, an agent is lost), together with the related changes outside the log.
Both use `Tail` to number entries, and both write `Changes`.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from datetime import datetime

from readback.internal.conversation.v1 import call_record_service_pb2 as call_record

from mesh.clock import Clock
from services.conversation.errors import CallNotFound, ConversationNotFound
from services.conversation.log.bus import Bus, Committed
from services.conversation.log.commit_plan import CommitPlan
from services.conversation.log.group_commit import GroupCommit, Queue, Refused, Stored
from services.conversation.log.tail import Tail
from services.conversation.log.writer_fence import Writer
from services.conversation.model.records import Call, Conversation
from services.conversation.model.times import micros_of
from services.conversation.store import Store, Transaction
from services.conversation.store.engine import write
from services.conversation.store.states import state_of_conversation

__all__ = ["Commit", "Queue", "Refused", "Stored", "TranscriptLog"]


class Commit:
    """One write transaction on the logs of one customer."""

    def __init__(self, transaction: Transaction, now: datetime) -> None:
        self.transaction, self.now = transaction, now
        self._plans: dict[str, CommitPlan] = {}
        self._flushed: list[CommitPlan] = []
        self._changed: list[Conversation] = []

    async def tail(self, conversation_id: str) -> Tail:
        """Return the tail of a conversation's log.

        Raises:
            ConversationNotFound: there is no such conversation.
        """
        if conversation_id not in self._plans:
            conversation = await self.transaction.conversation(conversation_id)
            if conversation is None:
                raise ConversationNotFound
            await self.flush()
            state = await state_of_conversation(self.transaction, conversation)
            self._plans[conversation_id] = CommitPlan(state, micros_of(self.now))
        return self._plans[conversation_id].tail(conversation_id)

    async def call(self, call_id: str) -> Call:
        """Return a call as it is inside the transaction.

        Raises:
            CallNotFound: there is no such call.
        """
        call = await self.transaction.call(call_id)
        if call is None:
            raise CallNotFound
        return call

    def announce_change(self, conversation: Conversation) -> None:
        """Announce, after the commit, a conversation that is new or changes without an entry."""
        self._changed.append(conversation)

    async def flush(self) -> None:
        """Write the changes of the tails. Later calls of `tail` return new tails."""
        for plan in self._plans.values():
            plan.state.feed = await self.transaction.feed_end(plan.state.customer_id)
            changes = plan.changes()
            if not changes.empty:
                await write(self.transaction, changes)
        self._flushed += self._plans.values()
        self._plans = {}

    def announce(self, bus: Bus) -> None:
        """Announce the written changes on the bus. Call it after the commit, never before."""
        for plan in self._flushed:
            plan.announce(bus)
        for one in self._changed:
            bus.committed(Committed(one.customer_id, one.conversation_id, one.last_number, changed=True))


class TranscriptLog:
    """The logs of all conversations in one store."""

    def __init__(self, store: Store, bus: Bus, clock: Clock) -> None:
        self._store, self._bus, self._clock = store, bus, clock
        self._appends = GroupCommit(store, lambda plan: plan.announce(bus), clock)

    @asynccontextmanager
    async def commit(self) -> AsyncIterator[Commit]:
        """Open a write transaction.

        If the block ends normally, the transaction is committed and announced. If it raises, the transaction
        is rolled back.
        """
        async with self._store.writing() as transaction:
            commit = Commit(transaction, self._clock.now())
            yield commit
            await commit.flush()
        commit.announce(self._bus)

    async def submit(
        self, writer: Writer, drafts: Sequence[call_record.Draft], queue: Queue | None = None
    ) -> asyncio.Future[list[Stored | Refused]]:
        """Queue an append of the writer that holds a call; block only while the commit queue is full.

        The future returns one outcome for each draft: `Refused` if the draft is invalid, else `Stored`. It
        raises `CallNotFound`, `CallEnded`, `StaleEpoch` or `EpochHeld` if the writer may not write at all.
        Cancelling the future doesn't cancel the append. If an append can't be stored, later appends in the
        same queue fail with `StoreUnavailable`.
        """
        return await self._appends.submit(writer, drafts, queue=queue)

    async def append_all(self, writer: Writer, drafts: Sequence[call_record.Draft]) -> list[Stored]:
        """Append all drafts or none, without a stream. Also accepts drafts of a writer that lost the call.

        Raises:
            CallNotFound, ConversationEnded, StaleEpoch, EpochHeld: the writer may not write at all.
            InvalidRequest, EntryConflict: a draft is refused, so none is stored.
        """
        outcomes = await (await self._appends.submit(writer, drafts, atomic=True))
        return [outcome for outcome in outcomes if isinstance(outcome, Stored)]

    async def settled(self) -> None:
        """Wait until no append is queued or being committed."""
        await self._appends.settled()
