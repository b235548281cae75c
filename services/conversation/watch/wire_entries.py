"""Serialized entries. Each is built once for all watchers, by concatenating bytes.

The contents in chunks are already serialized. Parsing them and serializing them again would take longer than
all other work of a replay.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from functools import lru_cache
from typing import NamedTuple

from readback.conversation.v1 import entry_pb2

from mesh.ids import uuid_text
from services.conversation.model.chunks import Chunk
from services.conversation.model.entries import UTTERANCE, EntryFilter, LogEntry

BATCH_BYTES = 512 * 1024
"""Size limit of a batch. A larger entry is sent alone. gRPC clients accept messages of up to 4 MiB."""
DELETION = 0
"""The kind of a deletion."""
_ENTRY_ID, _UTTERANCE_ID = b"\x12$", b"\n$"
"""Tag and length of the id, which has 36 characters: field 2 of an entry, field 1 of an utterance."""


class WireEntry(NamedTuple):
    """The content of one position in a log: an entry or, in a feed, the deletion of a conversation."""

    position: int
    """The entry's number, or its position in the feed."""
    conversation_id: str
    number: int
    id: str
    """Id of the entry, or of the deleted conversation. The cursor contains its fingerprint."""
    kind: int
    """Field number of the content in `Entry`, or `DELETION`."""
    speaker: int
    """Speaker of an utterance; 0 for everything else."""
    data: bytes
    """Serialized `Entry` message; empty for a deletion."""


class Deleted(NamedTuple):
    """The deletion of a conversation in a feed."""

    conversation_id: str


Batch = list[WireEntry]
"""One or more entries, in the order of the log."""


def batches(entries: Iterable[WireEntry], wanted: EntryFilter) -> Iterator[tuple[WireEntry, Batch | Deleted]]:
    """Group the entries that pass the filter into batches, one for each message.

    Yield each batch or deletion together with its last entry.
    """
    batch: Batch = []
    size = 0
    for entry in entries:
        if entry.kind == DELETION:
            if batch:
                yield batch[-1], batch
                batch, size = [], 0
            yield entry, Deleted(entry.conversation_id)
        elif not wanted or wanted.admits(entry.kind, entry.speaker):
            size += len(entry.data)
            if batch and size > BATCH_BYTES:
                yield batch[-1], batch
                batch, size = [], len(entry.data)
            batch.append(entry)
    if batch:
        yield batch[-1], batch


def deletion(position: int, conversation_id: str) -> WireEntry:
    """Return the deletion of a conversation at a position in the feed."""
    return WireEntry(position, conversation_id, 0, conversation_id, DELETION, 0, b"")


def wire_entry(conversation_id: str, entry: LogEntry) -> WireEntry:
    """Serialize an entry. Its position is the one in the conversation's log."""
    entry_id = uuid_text(entry.entry_id)
    data = _serializer(conversation_id, entry.call_id).serialize(
        entry.number,
        entry_id.encode(),
        entry.start_micros,
        entry.end_micros,
        entry.commit_micros,
        entry.kind,
        entry.content,
        entry.late,
        entry.call_epoch,
    )
    return WireEntry(entry.number, conversation_id, entry.number, entry_id, entry.kind, entry.speaker, data)


def wire_entries_after(
    conversation_id: str, chunk: Chunk, call_id: str | None, number: int, *, offset: int = 0
) -> Iterator[WireEntry]:
    """Serialize the chunk's entries whose numbers are greater than `number`.

    The position of an entry is its number plus `offset`.
    """
    serialize = _serializer(conversation_id, call_id).serialize
    items = chunk.items()
    skipped = max(0, number + 1 - chunk.first_number)
    for counted, item in enumerate(items[skipped:], chunk.first_number + skipped):
        commit = chunk.commit_time + item.commit_offset
        start = commit - item.start_offset
        entry_id, kind = uuid_text(item.entry_id), item.kind
        data = serialize(
            counted,
            entry_id.encode(),
            start,
            start + item.length,
            commit,
            kind,
            item.content,
            item.late,
            item.call_epoch,
        )
        yield WireEntry(counted + offset, conversation_id, counted, entry_id, kind, item.speaker, data)


class EntrySerializer:
    """Serializer for the entries of one call.

    The fields that all entries share are serialized once. One message is reused for the other fields.
    """

    __slots__ = ("_commit", "_end", "_entry", "_serialized", "_shared", "_start")

    def __init__(self, conversation_id: str, call_id: str | None) -> None:
        shared = entry_pb2.Entry(conversation_id=conversation_id, call_id=call_id or "")
        self._shared = shared.SerializeToString() + _ENTRY_ID
        self._entry = entry = entry_pb2.Entry()
        self._start, self._end, self._commit = entry.start_time, entry.end_time, entry.commit_time
        self._serialized = entry.SerializeToString

    def serialize(
        self,
        number: int,
        entry_id: bytes,
        start: int,
        end: int,
        commit: int,
        kind: int,
        content: bytes,
        late: bool,
        call_epoch: int,
    ) -> bytes:
        """Return a serialized `Entry`.

        `entry_id` is the id in text form, and times are microseconds since 1970. `content` is serialized by
        `pack`, so it doesn't contain the id of an utterance.
        """
        self._entry.number = number
        # The code is repeated three times, because a function call would take as long as its body.
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
        if call_epoch != self._entry.call_epoch:
            self._entry.call_epoch = call_epoch
        own = self._serialized()
        if kind == UTTERANCE:  # the utterance's id equals the entry's id, so the chunk stores it only once
            head = _head(kind, 38 + len(content))
            return b"".join((self._shared, entry_id, own, head, _UTTERANCE_ID, entry_id, content))
        return b"".join((self._shared, entry_id, own, _head(kind, len(content)), content))


@lru_cache(maxsize=256)
def _serializer(conversation_id: str, call_id: str | None) -> EntrySerializer:
    # Cached, because building a serializer takes as long as serializing an entry.
    return EntrySerializer(conversation_id, call_id)


def delimited(field: int, content: bytes) -> bytes:
    """Return a length-delimited protobuf field (bytes, text or message) with a number below 16."""
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
