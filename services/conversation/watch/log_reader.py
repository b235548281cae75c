"""Reading a log from a position on: one conversation's, or a customer's feed."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from services.conversation.errors import ConversationNotFound
from services.conversation.model.chunks import items_of
from services.conversation.model.cursors import START, LogId, LogKind, Position
from services.conversation.model.entries import open_message
from services.conversation.model.records import FeedRun, RunKind
from services.conversation.model.times import micros_of
from services.conversation.store import Store, following
from services.conversation.store.following import SPAN, CallPage
from services.conversation.watch.live_captions import Spoken
from services.conversation.watch.wire_entries import Step, deletion, steps_after

ROWS = 256
"""Rows read at once at most, each a page of a dozen entries or so. What they hold is about as much as one message."""


@dataclass(frozen=True, slots=True)
class Piece:
    """What was read of a log."""

    steps: Sequence[Step]
    through: int
    """Where a reader stands after it: the last step, or further where what was there is gone."""
    head: int
    """The last position there was."""
    ended: bool = False
    """Nothing will be added."""
    spoken: Sequence[Spoken] = ()
    """What was being spoken, if it was asked for and the piece reaches the head."""

    @property
    def complete(self) -> bool:
        """Whether the piece reaches the end of the log as it was."""
        return self.through >= self.head


class LogReader(Protocol):
    """One log in the store."""

    async def after(self, position: int, *, with_spoken: bool = False, rows: int = ROWS) -> Piece:
        """The next piece after a position. Raises `ConversationNotFound` when the log is gone."""
        ...

    async def before(self, instant: datetime) -> int:
        """The last position that was committed before an instant; 0 when there is none."""
        ...


def reader_of(store: Store, log: LogId) -> LogReader:
    """Reads a log."""
    return (
        ConversationReader(store, log.id) if log.kind is LogKind.CONVERSATION else FeedReader(store, log.id)
    )


async def position_in(reader: LogReader, number: int) -> Position | None:
    """A position as the log has it now; None when it lies beyond its end."""
    if number == START.number:
        return START
    piece = await reader.after(number - 1, rows=1)
    if number > piece.head:
        return None
    there = piece.steps and piece.steps[0].position == number
    return Position.at(number, piece.steps[0].id if there else None)


class ConversationReader:
    """One conversation's log; positions are its entries' numbers."""

    def __init__(self, store: Store, conversation_id: str) -> None:
        self._store, self._conversation_id = store, conversation_id

    async def after(self, position: int, *, with_spoken: bool = False, rows: int = ROWS) -> Piece:
        """The next piece after a number.

        Raises:
            ConversationNotFound: it was deleted.
        """
        async with self._store.asking() as transaction:
            found = await following.conversation_after(
                transaction.connection, self._conversation_id, position, limit=rows
            )
            if found is None:
                raise ConversationNotFound
            # After the entries, never before them: what was sealed in between must not look open.
            wanted = with_spoken and len(found.pages) < rows and found.head <= position + SPAN
            open_now = await transaction.open_utterances(found.key) if wanted else []
        steps = [
            step
            for page in found.pages
            for step in steps_after(self._conversation_id, page.row, page.call_id, position)
        ]
        through = _through(steps, position, found.head, whole=len(found.pages) < rows)
        spoken = [Spoken(self._conversation_id, open_message(speech)) for speech in open_now]
        return Piece(steps, through, max(found.head, through), found.ended, spoken)

    async def before(self, instant: datetime) -> int:
        """The number of the last entry committed before an instant.

        Raises:
            ConversationNotFound: it was deleted.
        """
        async with self._store.reading() as transaction:
            conversation = await transaction.conversation(self._conversation_id)
            if conversation is None:
                raise ConversationNotFound
            return await transaction.number_before(conversation.key, instant)


class FeedReader:
    """All conversations of a customer; positions are the feed's."""

    def __init__(self, store: Store, customer_id: str) -> None:
        self._store, self._customer_id = store, customer_id

    async def after(self, position: int, *, with_spoken: bool = False, rows: int = ROWS) -> Piece:
        """The next piece after a position."""
        async with self._store.asking() as transaction:
            found = await following.feed_after(
                transaction.connection, self._customer_id, position, limit=rows
            )
            whole = len(found.runs) < rows
            wanted = with_spoken and whole and found.head <= position + SPAN
            open_now = await following.spoken_by(transaction.connection, self._customer_id) if wanted else []
        steps = [step for run, page in found.runs for step in _steps_of(run, page, position)]
        through = _through(steps, position, found.head, whole=whole)
        if not whole and not steps:  # nothing but holes
            through = min(found.runs[-1][0].last_position, position + SPAN)
        spoken = [Spoken(conversation_id, open_message(speech)) for conversation_id, speech in open_now]
        return Piece(steps, through, max(found.head, through), spoken=spoken)

    async def before(self, instant: datetime) -> int:
        """The position of the last thing committed before an instant."""
        async with self._store.reading() as transaction:
            pages = await following.pages_at(transaction.connection, self._customer_id, micros_of(instant))
            first = {
                conversation_id: _first_since(page, micros_of(instant))
                for conversation_id, page in pages.items()
            }
            runs = await following.runs_of(transaction.connection, self._customer_id, first)
            end = await transaction.feed_end(self._customer_id)
        for run in runs:
            skipped = max(0, first[run.conversation_id] - run.first_number)
            if skipped < run.length:
                return run.first_position + skipped - 1
        return end.last_position


def _through(steps: Sequence[Step], position: int, head: int, *, whole: bool) -> int:
    """Where a reader stands after a piece: a question that was answered as a whole covers `SPAN` positions, holes included."""
    last = steps[-1].position if steps else position
    return max(last, min(head, position + SPAN)) if whole else last


def _steps_of(run: FeedRun, page: CallPage | None, position: int) -> Iterator[Step]:
    """What a page, or its absence, tells of a run, after a position."""
    if run.kind is RunKind.DELETED:
        if run.first_position > position:
            yield deletion(run.first_position, run.conversation_id)
    elif page is not None:
        place = run.first_position - run.first_number
        read = max(run.first_number - 1, position - place)
        for step in steps_after(run.conversation_id, page.row, page.call_id, read, place=place):
            if step.number >= run.first_number + run.length:
                return
            yield step


def _first_since(page: CallPage, instant: int) -> int:
    """The number of the first entry of a page, or after it, committed at or after an instant (microseconds since 1970)."""
    offsets = [item.commit_offset for item in items_of(page.row)]
    before = sum(page.row.commit_time + offset < instant for offset in offsets)
    return page.row.first_number + before
