"""Entries as they go over the wire: serialized once for however many watchers, by putting bytes together rather than messages.

A page keeps contents serialized already; parsing them only to serialize them again would cost more than all the rest of a replay.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from readback.conversation.v1 import entry_pb2

from services.conversation.entries import KINDS
from services.conversation.pages import PageRow, items_of, uuid_text
from services.conversation.records import StoredEntry

_UTTERANCE = KINDS["utterance"]
_MILLION = 1_000_000


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
    write = EntryWriter(conversation_id, stored.call_id).write
    data = write(
        stored.number,
        stored.entry_id,
        stored.start_micros,
        stored.end_micros,
        stored.commit_micros,
        stored.kind,
        stored.content,
        late=stored.late,
    )
    return Step(stored.number, conversation_id, stored.number, stored.entry_id, stored.kind, stored.speaker, data)


def steps_after(conversation_id: str, page: PageRow, call_id: str | None, number: int, *, place: int = 0) -> Iterator[Step]:
    """The entries of a page after a number; `place` is what is added to a number to have its position."""
    write = EntryWriter(conversation_id, call_id).write
    items = items_of(page)
    skipped = max(0, number + 1 - page.first_number)
    for counted, item in enumerate(items[skipped:], page.first_number + skipped):
        commit = page.commit_time + item.commit_offset
        start = commit - item.start_offset
        entry_id, kind = uuid_text(item.entry_id), item.kind
        data = write(counted, entry_id, start, start + item.length, commit, kind, item.content, late=item.late)
        yield Step(counted + place, conversation_id, counted, entry_id, kind, item.speaker, data)


class EntryWriter:
    """Serializes entries of one call: what they share is set once, the rest written over for each."""

    __slots__ = ("_commit", "_committed", "_end", "_entry", "_shared", "_start")

    def __init__(self, conversation_id: str, call_id: str | None) -> None:
        self._shared = entry_pb2.Entry(conversation_id=conversation_id, call_id=call_id or "").SerializeToString()
        self._entry = entry_pb2.Entry()
        self._start, self._end, self._commit = self._entry.start_time, self._entry.end_time, self._entry.commit_time
        self._committed = -1

    def write(self, number: int, entry_id: str, start: int, end: int, commit: int, kind: int, content: bytes, *, late: bool) -> bytes:
        """One `Entry`. Instants are microseconds since 1970; `kind` is the content's field number, `content` lacks an utterance's id."""
        entry, raw_id = self._entry, entry_id.encode()
        entry.number = number
        message = self._start
        message.seconds, nanos = divmod(start, _MILLION)
        message.nanos = nanos * 1000
        message = self._end
        message.seconds, nanos = divmod(end, _MILLION)
        message.nanos = nanos * 1000
        if commit != self._committed:  # entries that came together were committed together
            self._committed = commit
            message = self._commit
            message.seconds, nanos = divmod(commit, _MILLION)
            message.nanos = nanos * 1000
        if late is not entry.late:
            entry.late = late
        if kind == _UTTERANCE:
            # Its id, field 1, 36 characters: the page has it once.
            content = b"\n$" + raw_id + content
        return b"".join((self._shared, b"\x12$", raw_id, entry.SerializeToString(), delimited(kind, content)))


def delimited(field: int, content: bytes) -> bytes:
    """A field of bytes, text or a message as protobuf writes it; field numbers below 16."""
    size = len(content)
    if size < 0x80:
        return bytes((field << 3 | 2, size)) + content
    if size < 0x4000:
        return bytes((field << 3 | 2, size & 0x7F | 0x80, size >> 7)) + content
    head = bytearray((field << 3 | 2,))
    while size >= 0x80:
        head.append(size & 0x7F | 0x80)
        size >>= 7
    head.append(size)
    return bytes(head) + content
