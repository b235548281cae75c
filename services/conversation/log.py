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
from mesh.ids import uuid7
from services.conversation import fencing
from services.conversation.drafts import NewEntry, Revision, checked
from services.conversation.entries import open_message, packed
from services.conversation.errors import CallNotFound, ConversationEnded, ConversationNotFound, EntryConflict, StaleEpoch
from services.conversation.fencing import Standing, Writer
from services.conversation.ports import Bus
from services.conversation.records import Call, Conversation, OpenSpeech
from services.conversation.store import Store, Transaction
from services.conversation.titles import title_from


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


class Tail:
    """The growing end of one conversation's log inside a commit."""

    def __init__(self, transaction: Transaction, conversation: Conversation, now: datetime) -> None:
        self._tx = transaction
        self.conversation = conversation
        # A clock that is set back must not make the log's own times go back.
        self._now = max(now, conversation.update_time)
        self._head, self._title = conversation.last_number, conversation.title
        self._rows: list[dict[str, object]] = []
        self._added: dict[str, tuple[int, bytes]] = {}
        self.sealed: list[str] = []
        self.spoken: dict[str, entry_pb2.OpenUtterance] = {}

    @property
    def head(self) -> int:
        """Number of the last entry, those of this commit included."""
        return self._head

    async def take(self, call: Call, entry: NewEntry, *, late: bool = False) -> int:
        """Numbers an entry, once: handed in again, it keeps its number.

        Raises:
            EntryConflict: its id is taken by an entry with other content.
        """
        known = self._added.get(entry.entry_id)
        known = known or (await self._tx.known(self.conversation.key, [entry.entry_id])).get(entry.entry_id)
        if known is not None:
            number, digest = known
            if digest != entry.digest:
                raise EntryConflict(number)
            return number
        await self._tx.close_utterances(call.key, [entry.entry_id])
        self.spoken.pop(entry.entry_id, None)
        self._title = self._title or title_from(entry.customer_text)
        return self._add(entry, call.key, late=late)

    async def revise(self, call: Call, revision: Revision) -> None:
        """Stores an open utterance in place of its earlier revisions. One that is sealed already, or a later revision, stays."""
        speech = revision.speech
        utterance_id = speech.utterance_id.lower()
        held = {s.utterance_id: s for s in await self._tx.open_utterances(self.conversation.key)}.get(utterance_id)
        if held is not None and held.revision >= speech.revision:
            return
        if utterance_id in self._added or await self._tx.known(self.conversation.key, [utterance_id]):
            return
        row = OpenSpeech(
            call_key=call.key,
            conversation_key=self.conversation.key,
            utterance_id=utterance_id,
            speaker=speech.speaker,
            revision=speech.revision,
            start_time=revision.start_time,
            revise_time=self._now,
            content=packed(speech),
        )
        await self._tx.put_open_utterance(row)
        self.spoken[utterance_id] = open_message(row)

    async def truncate(self, call: Call) -> None:
        """Seals what is still open in a call with the last words that were stored, because its writer is gone."""
        abandoned = [s for s in await self._tx.open_utterances(self.conversation.key) if s.call_key == call.key]
        for speech in abandoned:
            message = open_message(speech)
            if not message.text:
                continue
            utterance = entry_pb2.Utterance(
                speaker=message.speaker, modality=message.modality, text=message.text, sealing=entry_pb2.SEALING_TRUNCATED
            )
            end = max(speech.start_time, speech.revise_time)
            self._add(NewEntry.of(speech.utterance_id, utterance, speech.start_time, end), call.key)
        ids = [speech.utterance_id for speech in abandoned]
        await self._tx.close_utterances(call.key, ids)
        self.sealed += ids

    def note(self, kind: entry_pb2.StateChangeKind.ValueType, call: Call | None = None, *, reason: str = "") -> None:
        """Adds a change of state, of a call as it is from now on or of the conversation."""
        change = entry_pb2.StateChange(kind=kind, epoch=call.epoch if call else 0, reason=reason)
        self._add(NewEntry.of(uuid7(), change, self._now, self._now), call.key if call else None)

    async def flush(self) -> None:
        """Writes what was added."""
        if self._rows:
            await self._tx.add_entries(self._rows)
            values = {"last_number": self._head, "update_time": self._now, "title": self._title}
            await self._tx.change_conversation(self.conversation.key, **values)
            self._rows = []

    def _add(self, entry: NewEntry, call_key: int | None, *, late: bool = False) -> int:
        self._head += 1
        self._added[entry.entry_id] = (self._head, entry.digest)
        self.sealed.append(entry.entry_id)
        self._rows.append(
            {
                "conversation_key": self.conversation.key,
                "number": self._head,
                "entry_id": entry.entry_id,
                "call_key": call_key,
                "kind": entry.kind,
                "speaker": entry.speaker,
                "start_time": entry.start_time,
                "end_time": entry.end_time,
                "commit_time": self._now,
                "late": late,
                "digest": entry.digest,
                "content": entry.content,
            }
        )
        return self._head


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
            if tail.sealed:
                bus.committed(conversation_id, tail.head, tail.sealed)
            for speech in tail.spoken.values():
                bus.spoken(conversation_id, speech)


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

    async def append(self, writer: Writer, drafts: Iterable[entry_pb2.Draft]) -> list[Stored | Refused]:
        """Appends what the holder of a call hands in; a draft that breaks a rule is refused, the others stand.

        Raises:
            CallNotFound, CallEnded, StaleEpoch, EpochHeld: the writer may not write at all.
        """
        outcomes: list[Stored | Refused] = []
        async with self.commit() as commit:
            call = await commit.call(writer.call_id)
            fencing.require_holder(call, writer)
            tail = await commit.tail(call.conversation_id)
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
            return [await _stored(tail, call, draft, standing) for draft in drafts]


async def _stored(tail: Tail, call: Call, draft: entry_pb2.Draft, standing: Standing) -> Stored:
    entry = checked(draft)
    if isinstance(entry, NewEntry):
        return Stored(draft.client_sequence, await tail.take(call, entry, late=standing is Standing.LATE))
    if standing is Standing.LATE:
        raise StaleEpoch(call.epoch)  # what is still being spoken can't have been spoken before
    await tail.revise(call, entry)
    return Stored(draft.client_sequence, 0)
