"""The transcript log: entries 1, 2, 3 … of a conversation, without gaps, in the order of commit, each stored once.

There are two ways in. Writers' appends go through `GroupCommit`, many in one transaction. Everything else that adds to a log (a call
starts, an agent is lost) does so inside a `Commit` of its own, together with what it changes beside the log. Both number entries with
the same `Tail` and write the same `Changes`.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from datetime import datetime

from readback.conversation.v1 import entry_pb2

from mesh.clock import Clock
from services.conversation.errors import CallNotFound, ConversationNotFound
from services.conversation.log.bus import Bus
from services.conversation.log.commit_plan import CommitPlan
from services.conversation.log.group_commit import GroupCommit, Queue, Refused, Stored
from services.conversation.log.tail import Tail
from services.conversation.log.writer_fence import Writer
from services.conversation.model.records import Call
from services.conversation.model.times import micros_of
from services.conversation.store import Store, Transaction
from services.conversation.store.engine import write
from services.conversation.store.states import state_of_conversation

__all__ = ["Commit", "Queue", "Refused", "Stored", "TranscriptLog"]


class Commit:
    """One write transaction on the logs of one customer, and what the bus hears once it is durable."""

    def __init__(self, transaction: Transaction, now: datetime) -> None:
        self.transaction, self.now = transaction, now
        self._plans: dict[str, CommitPlan] = {}
        self._done: list[CommitPlan] = []

    async def tail(self, conversation_id: str) -> Tail:
        """The end of a conversation's log.

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
        """A call as it stands inside the transaction.

        Raises:
            CallNotFound: there is no such call.
        """
        call = await self.transaction.call(call_id)
        if call is None:
            raise CallNotFound
        return call

    async def flush(self) -> None:
        """Writes what the tails gathered."""
        for plan in self._plans.values():
            plan.state.feed = await self.transaction.feed_end(plan.state.customer_id)
            changes = plan.changes()
            if not changes.empty:
                await write(self.transaction, changes)
        self._done += self._plans.values()
        self._plans = {}

    def announce(self, bus: Bus) -> None:
        """Tells the bus. To be called after the commit, never before."""
        for plan in self._done:
            plan.announce(bus)


class TranscriptLog:
    """The logs of all conversations in one store."""

    def __init__(self, store: Store, bus: Bus, clock: Clock) -> None:
        self._store, self._bus, self._clock = store, bus, clock
        self._appends = GroupCommit(store, lambda plan: plan.announce(self._bus), clock)

    @asynccontextmanager
    async def commit(self) -> AsyncIterator[Commit]:
        """All or nothing; durable, then announced, when the block ends."""
        async with self._store.writing() as transaction:
            commit = Commit(transaction, self._clock.now())
            yield commit
            await commit.flush()
        commit.announce(self._bus)

    async def append(self, writer: Writer, drafts: Sequence[entry_pb2.Draft]) -> list[Stored | Refused]:
        """Appends what the holder of a call hands in; a draft that breaks a rule is refused, the others stand.

        Raises:
            CallNotFound, CallEnded, StaleEpoch, EpochHeld: the writer may not write at all.
        """
        return await (await self.submit(writer, drafts))

    async def submit(
        self, writer: Writer, drafts: Sequence[entry_pb2.Draft], queue: Queue | None = None
    ) -> asyncio.Future[list[Stored | Refused]]:
        """Hands an append in, behind those of its queue; waits only while too much waits already.

        The future gives or raises what `append` does. Whoever gives it up doesn't take back what was handed in. When an append can't be
        stored, those behind it in its queue fail too, with `StoreUnavailable`.
        """
        return await self._appends.submit(writer, drafts, queue=queue)

    async def append_all(self, writer: Writer, drafts: Sequence[entry_pb2.Draft]) -> list[Stored]:
        """Appends all of the drafts or none. What a writer had spoken before it lost the call is taken as late.

        Raises:
            CallNotFound, ConversationEnded, StaleEpoch, EpochHeld: the writer may not write at all.
            InvalidRequest, EntryConflict: a draft can't be taken.
        """
        outcomes = await (await self._appends.submit(writer, drafts, whole=True))
        return [outcome for outcome in outcomes if isinstance(outcome, Stored)]

    async def settled(self) -> None:
        """Returns when nothing that was handed in is under way."""
        await self._appends.settled()
