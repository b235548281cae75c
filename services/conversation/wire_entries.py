"""Entries as they go over the wire: serialized once for however many watchers, by putting bytes together rather than messages.

A page keeps contents serialized already; parsing them only to serialize them again would cost more than all the rest of a replay.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from readback.conversation.v1 import entry_pb2

from services.conversation.entries import KINDS
from services.conversation.records import StoredEntry
from services.conversation.store.pages import PageRow, items_of, uuid_text

_UTTERANCE = KINDS["utterance"]
_MILLION = 1_000_000


class WireEntry(NamedTuple):
    """An entry of a conversation on its way to watchers."""

    conversation_id: str
    number: int
    entry_id: str
    kind: int
    """Field number of the content in `Entry`."""
    speaker: int
    """0 of what is no utterance."""
    data: bytes
    """The contract's `Entry`, serialized."""


class Deleted(NamedTuple):
    """In a feed: a conversation is gone."""

    conversation_id: str


class Step(NamedTuple):
    """One place of a log, and what is there."""

    position: int
    what: WireEntry | Deleted

    @property
    def id(self) -> str:
        """What tells this place from others; the cursor's fingerprint is made of it."""
        return self.what.entry_id if isinstance(self.what, WireEntry) else self.what.conversation_id


def wire_entry(conversation_id: str, stored: StoredEntry) -> WireEntry:
    """An entry just committed."""
    entry = entry_pb2.Entry(conversation_id=conversation_id, call_id=stored.call_id or "", late=stored.late)
    instants = (stored.start_micros, stored.end_micros, stored.commit_micros)
    data = _serialized(entry, stored.number, stored.entry_id, instants, stored.kind, stored.content)
    return WireEntry(conversation_id, stored.number, stored.entry_id, stored.kind, stored.speaker, data)


def entries_after(conversation_id: str, page: PageRow, call_id: str | None, number: int) -> Iterator[WireEntry]:
    """The entries of a page after a number."""
    entry = entry_pb2.Entry(conversation_id=conversation_id, call_id=call_id or "")
    items = items_of(page)
    skipped = max(0, number + 1 - page.first_number)
    for place, item in enumerate(items[skipped:], page.first_number + skipped):
        commit = page.commit_time + item.commit_offset
        start = commit - item.start_offset
        entry_id, kind = uuid_text(item.entry_id), item.kind
        entry.late = item.late
        data = _serialized(entry, place, entry_id, (start, start + item.length, commit), kind, item.content)
        yield WireEntry(conversation_id, place, entry_id, kind, item.speaker, data)


def _serialized(entry: entry_pb2.Entry, number: int, entry_id: str, instants: tuple[int, int, int], kind: int, content: bytes) -> bytes:
    """The bytes of an entry; `entry` holds what it shares with others, and is written over."""
    entry.number, entry.entry_id = number, entry_id
    start, end, commit = instants
    message = entry.start_time
    message.seconds, message.nanos = start // _MILLION, start % _MILLION * 1000
    message = entry.end_time
    message.seconds, message.nanos = end // _MILLION, end % _MILLION * 1000
    message = entry.commit_time
    message.seconds, message.nanos = commit // _MILLION, commit % _MILLION * 1000
    # An utterance's id is its entry's: the row has it once.
    if kind == _UTTERANCE:
        content = delimited(1, entry_id.encode()) + content
    return entry.SerializeToString() + delimited(kind, content)


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
