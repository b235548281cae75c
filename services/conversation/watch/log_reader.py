"""Readers of a log in the store: either one conversation's log or a customer's feed."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from services.conversation.errors import ConversationNotFound
from services.conversation.model.cursors import START, LogId, LogKind, Position
from services.conversation.model.entries import open_utterance_message
from services.conversation.model.feeds import FeedRun, RunKind
from services.conversation.model.times import micros_of
from services.conversation.store import Store, following
from services.conversation.store.following import SPAN, CallChunk
from services.conversation.watch.live_captions import Caption
from services.conversation.watch.wire_entries import WireEntry, deletion, wire_entries_after

ROWS = 256
"""Most rows in one read. A row holds about a dozen entries; 256 rows fill about one message."""


@dataclass(frozen=True, slots=True)
class LogSlice:
    """Consecutive entries of a log: the result of one read."""

    entries: Sequence[WireEntry]
    through: int
    """Position after which the next read starts: that of the last entry, or a later one if the following
    entries are gone."""
    head: int
    """Last position of the log at the time of the read."""
    ended: bool = False
    """True if the conversation has ended, so that the log accepts no more entries."""
    captions: Sequence[Caption] = ()
    """Captions of open utterances. Only if they were requested and the slice reaches the head."""

    @property
    def complete(self) -> bool:
        """True if the slice reaches the head of the log."""
        return self.through >= self.head


class LogReader(Protocol):
    """Interface of the reader of one log."""

    async def after(self, position: int, *, with_captions: bool = False, rows: int = ROWS) -> LogSlice:
        """Read the next slice after a position, with at most `rows` rows.

        Raises:
            ConversationNotFound: the conversation was deleted.
        """
        ...

    async def before(self, instant: datetime) -> int:
        """Return the last position committed before an instant; 0 if there is none."""
        ...

    async def end(self) -> int:
        """Return the last position of the log; 0 if it is empty.

        Raises:
            ConversationNotFound: the conversation was deleted.
        """
        ...


def reader_of(store: Store, log: LogId) -> LogReader:
    """Return the reader of a log."""
    if log.kind is LogKind.CONVERSATION:
        return ConversationReader(store, log.id)
    return FeedReader(store, log.id)


async def position_in(reader: LogReader, number: int) -> Position | None:
    """Return the position with this number, with the fingerprint of the entry that is there now.

    Return None if the number is beyond the end of the log.
    """
    if number == START.number:
        return START
    found = await reader.after(number - 1, rows=1)
    if number > found.head:
        return None
    exists = found.entries and found.entries[0].position == number
    return Position.at(number, found.entries[0].id if exists else None)


class ConversationReader:
    """Reader of one conversation's log. Positions are the entries' numbers."""

    def __init__(self, store: Store, conversation_id: str) -> None:
        self._store, self._conversation_id = store, conversation_id

    async def after(self, position: int, *, with_captions: bool = False, rows: int = ROWS) -> LogSlice:
        """Read the next slice after a number.

        Raises:
            ConversationNotFound: the conversation was deleted.
        """
        async with self._store.asking() as transaction:
            found = await following.conversation_after(
                transaction.connection, self._conversation_id, position, limit=rows
            )
            if found is None:
                raise ConversationNotFound
            whole = len(found.chunks) < rows
            # Read after the entries. If it were read before, an utterance sealed in between would look open.
            wanted = with_captions and whole and found.head <= position + SPAN
            still_open = await transaction.open_utterances(found.key) if wanted else []
        entries = [
            entry
            for chunk, call_id in found.chunks
            for entry in wire_entries_after(self._conversation_id, chunk, call_id, position)
        ]
        through = _through(entries, position, found.head, whole=whole)
        captions = [
            Caption(self._conversation_id, open_utterance_message(revision)) for revision in still_open
        ]
        return LogSlice(entries, through, max(found.head, through), found.ended, captions)

    async def before(self, instant: datetime) -> int:
        """Return the number of the last entry committed before an instant; 0 if there is none.

        Raises:
            ConversationNotFound: the conversation was deleted.
        """
        async with self._store.reading() as transaction:
            conversation = await transaction.conversation(self._conversation_id)
            if conversation is None:
                raise ConversationNotFound
            return await transaction.number_before(conversation.key, instant)

    async def end(self) -> int:
        """Return the number of the last entry; 0 if there is none.

        Raises:
            ConversationNotFound: the conversation was deleted.
        """
        async with self._store.asking() as transaction:
            heads = await transaction.heads([self._conversation_id])
        if self._conversation_id not in heads:
            raise ConversationNotFound
        return heads[self._conversation_id]


class FeedReader:
    """Reader of a customer's feed, which covers all of their conversations."""

    def __init__(self, store: Store, customer_id: str) -> None:
        self._store, self._customer_id = store, customer_id

    async def after(self, position: int, *, with_captions: bool = False, rows: int = ROWS) -> LogSlice:
        """Read the next slice after a position."""
        async with self._store.asking() as transaction:
            connection = transaction.connection
            found = await following.feed_after(connection, self._customer_id, position, limit=rows)
            whole = len(found.runs) < rows
            wanted = with_captions and whole and found.head <= position + SPAN
            still_open = await following.open_utterances_of(connection, self._customer_id) if wanted else []
        entries = [entry for run, chunk in found.runs for entry in _entries_of(run, chunk, position)]
        through = _through(entries, position, found.head, whole=whole)
        if not whole and not entries:  # all entries here are gone
            through = min(found.runs[-1][0].last_position, position + SPAN)
        captions = [
            Caption(conversation_id, open_utterance_message(revision))
            for conversation_id, revision in still_open
        ]
        return LogSlice(entries, through, max(found.head, through), captions=captions)

    async def before(self, instant: datetime) -> int:
        """Return the position just before the first entry committed at or after an instant."""
        micros = micros_of(instant)
        async with self._store.reading() as transaction:
            chunks = await following.chunks_at(transaction.connection, self._customer_id, micros)
            first = {
                conversation_id: _first_since(chunk, micros) for conversation_id, chunk in chunks.items()
            }
            runs = await following.runs_of(transaction.connection, self._customer_id, first)
            end = await transaction.feed_end(self._customer_id)
        for run in runs:
            skipped = max(0, first[run.conversation_id] - run.first_number)
            if skipped < run.length:
                return run.first_position + skipped - 1
        return end.last_position

    async def end(self) -> int:
        """Return the last position of the feed; 0 if it is empty."""
        async with self._store.asking() as transaction:
            return (await transaction.feed_end(self._customer_id)).last_position


def _through(entries: Sequence[WireEntry], position: int, head: int, *, whole: bool) -> int:
    """Return the position after which the next read starts.

    A read below the limit of rows (`whole`) covers `SPAN` positions, including positions without an entry.
    """
    last = entries[-1].position if entries else position
    return max(last, min(head, position + SPAN)) if whole else last


def _entries_of(run: FeedRun, found: CallChunk | None, position: int) -> Iterator[WireEntry]:
    """Yield the entries of a run that are in a chunk and after a position. A deletion is yielded as one."""
    if run.kind is RunKind.DELETED:
        if run.first_position > position:
            yield deletion(run.first_position, run.conversation_id)
    elif found is not None:
        offset = run.first_position - run.first_number
        after = max(run.first_number - 1, position - offset)
        chunk, call_id = found
        for entry in wire_entries_after(run.conversation_id, chunk, call_id, after, offset=offset):
            if entry.number >= run.first_number + run.length:
                return
            yield entry


def _first_since(found: CallChunk, instant: int) -> int:
    """Return the number of the chunk's first entry committed at or after an instant.

    If the chunk has none, return the number after its last entry.
    """
    chunk = found.chunk
    earlier = sum(chunk.commit_time + item.commit_offset < instant for item in chunk.items())
    return chunk.first_number + earlier
