"""The transcript log: entries 1, 2, 3 … of a conversation, without gaps, in the order of commit, each stored once.

Everything that adds to a log does so inside one `Commit`: a write transaction together with what is announced once it is durable.
Numbers are allocated inside the transaction, so nobody ever reads past an uncommitted one. A process that commits for many writers
at once would run their appends in one `Commit`.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import datetime

from readback.conversation.v1 import entry_pb2

from mesh.clock import Clock
from mesh.errors import DomainError
from services.conversation import fencing
from services.conversation.drafts import NewEntry, checked, is_uuid
from services.conversation.errors import CallNotFound, ConversationEnded, ConversationNotFound, StaleEpoch
from services.conversation.fencing import Standing, Writer
from services.conversation.ports import Bus, Committed
from services.conversation.records import Call
from services.conversation.store import Store, Transaction
from services.conversation.tail import Tail


@dataclass(frozen=True, slots=True)
class Stored:
    """A draft that is durable."""

    client_sequence: int
    number: int
    """The entry's number; 0 for an open utterance."""


@dataclass(frozen=True, slots=True)
class Refused:
    """A draft that was not taken."""

    client_sequence: int
    error: DomainError


class Commit:
    """One write transaction on any number of logs, and what the bus hears once it is durable."""

    def __init__(self, transaction: Transaction, now: datetime) -> None:
        self.transaction, self.now = transaction, now
        self._tails: dict[str, Tail] = {}

    async def tail(self, conversation_id: str) -> Tail:
        """The end of a conversation's log.

        Raises:
            ConversationNotFound: there is no such conversation.
        """
        if conversation_id not in self._tails:
            conversation = await self.transaction.conversation(conversation_id)
            if conversation is None:
                raise ConversationNotFound
            self._tails[conversation_id] = Tail(self.transaction, conversation, self.now)
        return self._tails[conversation_id]

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
        for tail in self._tails.values():
            await tail.flush()

    def announce(self, bus: Bus) -> None:
        """Tells the bus. To be called after the commit, never before."""
        for conversation_id, tail in self._tails.items():
            conversation = tail.conversation
            bus.committed(Committed(conversation.customer_id, conversation_id, tail.head, sealed=tail.closed))
            for speech in tail.spoken:
                bus.spoken(conversation.customer_id, conversation_id, speech)


class TranscriptLog:
    """The logs of all conversations in one store."""

    def __init__(self, store: Store, bus: Bus, clock: Clock) -> None:
        self._store, self._bus, self._clock = store, bus, clock

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
        outcomes: list[Stored | Refused] = []
        async with self.commit() as commit:
            call = await commit.call(writer.call_id)
            fencing.require_holder(call, writer)
            tail = await commit.tail(call.conversation_id)
            await tail.expect(_ids(drafts))
            for draft in drafts:
                try:
                    outcomes.append(await _stored(tail, call, draft, Standing.HOLDER))
                except DomainError as error:
                    outcomes.append(Refused(draft.client_sequence, error))
        return outcomes

    async def append_all(self, writer: Writer, drafts: Sequence[entry_pb2.Draft]) -> list[Stored]:
        """Appends all of the drafts or none. What a writer had spoken before it lost the call is taken as late.

        Raises:
            CallNotFound, ConversationEnded, StaleEpoch, EpochHeld: the writer may not write at all.
            InvalidRequest, EntryConflict: a draft can't be taken.
        """
        async with self.commit() as commit:
            call = await commit.call(writer.call_id)
            standing = fencing.standing(call, writer)
            tail = await commit.tail(call.conversation_id)
            if tail.conversation.ended:
                raise ConversationEnded
            await tail.expect(_ids(drafts))
            return [await _stored(tail, call, draft, standing) for draft in drafts]


def _ids(drafts: Iterable[entry_pb2.Draft]) -> list[str]:
    """Entry ids that are ids; the others are refused with their drafts."""
    return [draft.entry_id.lower() for draft in drafts if is_uuid(draft.entry_id)]


async def _stored(tail: Tail, call: Call, draft: entry_pb2.Draft, standing: Standing) -> Stored:
    entry = checked(draft)
    if isinstance(entry, NewEntry):
        return Stored(draft.client_sequence, await tail.take(call, entry, late=standing is Standing.LATE))
    if standing is Standing.LATE:
        raise StaleEpoch(call.epoch)  # what is still being spoken can't have been spoken before
    await tail.revise(call, entry)
    return Stored(draft.client_sequence, 0)
