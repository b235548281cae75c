"""Entries as they go over the wire: serialized once for however many watchers, by putting bytes together rather than messages.

A page keeps contents serialized already; parsing them only to serialize them again would cost more than all the rest of a replay.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import lru_cache
from typing import NamedTuple

from readback.conversation.v1 import entry_pb2

from mesh.ids import uuid_text
from services.conversation.model.chunks import PageRow, items_of
from services.conversation.model.entries import KINDS
from services.conversation.model.records import StoredEntry

_UTTERANCE = KINDS["utterance"]
_ENTRY_ID, _UTTERANCE_ID = b"\x12$", b"\n$"
"""Field 2 of an entry, field 1 of an utterance, each before the 36 characters of an id."""


class Step(NamedTuple):
    """One place of a log, and what is there: an entry, or in a feed the deletion of a conversation."""

    position: int
    """In the log that is followed: the entry's number, or its place in the feed."""
    conversation_id: str
    number: int
    id: str
    """The entry's; of a deletion the conversation's. The cursor's fingerprint is made of it."""
    kind: int
    """Field number of the content in `Entry`; `DELETION` of a deletion."""
    speaker: int
    """0 of what is no utterance."""
    data: bytes
    """The contract's `Entry`, serialized."""


DELETION = 0


def deletion(position: int, conversation_id: str) -> Step:
    """In a feed: a conversation is gone."""
    return Step(position, conversation_id, 0, conversation_id, DELETION, 0, b"")


def step_of(conversation_id: str, stored: StoredEntry) -> Step:
    """An entry just committed, in its conversation's log."""
    data = _writer(conversation_id, stored.call_id).write(
        stored.number,
        stored.entry_id.encode(),
        stored.start_micros,
        stored.end_micros,
        stored.commit_micros,
        stored.kind,
        stored.content,
        stored.late,
    )
    return Step(
        stored.number, conversation_id, stored.number, stored.entry_id, stored.kind, stored.speaker, data
    )


def steps_after(
    conversation_id: str, page: PageRow, call_id: str | None, number: int, *, place: int = 0
) -> Iterator[Step]:
    """The entries of a page after a number; `place` is what is added to a number to have its position."""
    write = _writer(conversation_id, call_id).write
    items = items_of(page)
    skipped = max(0, number + 1 - page.first_number)
    for counted, item in enumerate(items[skipped:], page.first_number + skipped):
        commit = page.commit_time + item.commit_offset
        start = commit - item.start_offset
        entry_id, kind = uuid_text(item.entry_id), item.kind
        data = write(
            counted, entry_id.encode(), start, start + item.length, commit, kind, item.content, item.late
        )
        yield Step(counted + place, conversation_id, counted, entry_id, kind, item.speaker, data)


class EntryWriter:
    """Serializes entries of one call: what they share is set once, the rest written over for each."""

    __slots__ = ("_commit", "_end", "_entry", "_serialized", "_shared", "_start")

    def __init__(self, conversation_id: str, call_id: str | None) -> None:
        self._shared = (
            entry_pb2.Entry(conversation_id=conversation_id, call_id=call_id or "").SerializeToString()
            + _ENTRY_ID
        )
        self._entry = entry = entry_pb2.Entry()
        self._start, self._end, self._commit = entry.start_time, entry.end_time, entry.commit_time
        self._serialized = entry.SerializeToString

    def write(
        self,
        number: int,
        entry_id: bytes,
        start: int,
        end: int,
        commit: int,
        kind: int,
        content: bytes,
        late: bool,
    ) -> bytes:
        """One `Entry`. `entry_id` is its text; instants are microseconds since 1970; `kind` is the content's field number, `content` lacks
        an utterance's id."""
        self._entry.number = number
        # Written out three times: a function would cost as much as what it does.
        message = self._start
        message.seconds, micros = divmod(start, 1_000_000)
        message.nanos = micros * 1000
        message = self._end
        message.seconds, micros = divmod(end, 1_000_000)
        message.nanos = micros * 1000
        message = self._commit
        message.seconds, micros = divmod(commit, 1_000_000)
        message.nanos = micros * 1000
        if late is not self._entry.late:
            self._entry.late = late
        own = self._serialized()
        if kind == _UTTERANCE:  # its id is the entry's, and the page has it once
            return b"".join(
                (
                    self._shared,
                    entry_id,
                    own,
                    _head(kind, 38 + len(content)),
                    _UTTERANCE_ID,
                    entry_id,
                    content,
                )
            )
        return b"".join((self._shared, entry_id, own, _head(kind, len(content)), content))


@lru_cache(maxsize=256)
def _writer(conversation_id: str, call_id: str | None) -> EntryWriter:
    # Made anew for every entry or page it would take as long as an entry does.
    return EntryWriter(conversation_id, call_id)


def delimited(field: int, content: bytes) -> bytes:
    """A field of bytes, text or a message as protobuf writes it; field numbers below 16."""
    return _head(field, len(content)) + content


def _head(field: int, size: int) -> bytes:
    if size < 0x80:
        return bytes((field << 3 | 2, size))
    if size < 0x4000:
        return bytes((field << 3 | 2, size & 0x7F | 0x80, size >> 7))
    head = bytearray((field << 3 | 2,))
    while size >= 0x80:
        head.append(size & 0x7F | 0x80)
        size >>= 7
    head.append(size)
    return bytes(head)
