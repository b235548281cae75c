"""Chunks of a log: consecutive entries of one conversation and call in one row of the table `log_pages`.

The last chunk of a log is uncompressed, and is rewritten for each new entry. When the next entry doesn't fit,
the chunk is closed: it is compressed if that makes it smaller, and isn't rewritten after that.
"""

from __future__ import annotations

import zlib
from collections.abc import Iterator
from enum import IntEnum
from typing import NamedTuple

from readback.internal.conversation.storage.v1 import page_pb2

from services.conversation.model.entries import LogEntry

CHUNK_BYTES = 1000
"""Size at which a chunk is closed: about eight turns. Larger chunks compress better, but each is rewritten
more often, which leaves more dead rows on PostgreSQL. In measurements the tables were smallest at about this
size."""
ITEM_BYTES = 50
"""Most bytes of an entry in a chunk, in addition to its content."""
_RAW_DEFLATE = -15
_INFLATED_BYTES = 2048
"""Initial buffer size for inflating a chunk. zlib enlarges it for the few chunks with a large entry."""


class Packing(IntEnum):
    """Storage forms of a chunk's content."""

    PLAIN = 0
    DEFLATED = 1


class Chunk(NamedTuple):
    """A row of `log_pages`."""

    conversation_key: int
    first_number: int
    call_key: int | None
    """Key of the call to which all its entries belong; None for entries outside calls."""
    commit_time: int
    """Commit time of its first entry, in microseconds since 1970."""
    packing: Packing
    content: bytes
    """A serialized `Page`, compressed if `packing` is `DEFLATED`."""

    def items(self) -> list[page_pb2.Item]:
        """Return the entries in their stored form."""
        content = self.content
        if self.packing == Packing.DEFLATED:
            content = zlib.decompress(content, _RAW_DEFLATE, _INFLATED_BYTES)
        return list(page_pb2.Page.FromString(content).items)

    def entries(self, call_id: str | None) -> Iterator[LogEntry]:
        """Yield the entries. `call_id` is the id of the chunk's call, None outside calls."""
        for number, item in enumerate(self.items(), self.first_number):
            commit = self.commit_time + item.commit_offset
            start = commit - item.start_offset
            yield LogEntry(
                entry_id=item.entry_id,
                kind=item.kind,
                speaker=item.speaker,  # type: ignore[arg-type]  # stored from the contract's enum
                start_micros=start,
                end_micros=start + item.length,
                content=item.content,
                number=number,
                call_id=call_id,
                commit_micros=commit,
                late=item.late,
                call_epoch=item.call_epoch,
            )


class ChunkBuilder:
    """Builder of a log's chunks: adds entries to the last chunk, and to new chunks after it."""

    def __init__(self, conversation_key: int, open_chunk: Chunk | None) -> None:
        self._key = conversation_key
        self._first, self._call_key, self._time = 0, None, 0
        self._content = bytearray()
        if open_chunk is not None:
            _, self._first, self._call_key, self._time, _, content = open_chunk
            self._content += content
        self._closed: list[Chunk] = []

    @property
    def open_chunk(self) -> Chunk | None:
        """The chunk that is still open; None if there is none."""
        if not self._content:
            return None
        return Chunk(self._key, self._first, self._call_key, self._time, Packing.PLAIN, bytes(self._content))

    def changed(self) -> list[Chunk]:
        """Return the new and changed chunks, in order; the open one is the last."""
        open_chunk = self.open_chunk
        return self._closed if open_chunk is None else [*self._closed, open_chunk]

    def add(self, entry: LogEntry, call_key: int | None) -> None:
        """Add an entry to the open chunk, or to a new one if it doesn't fit or has another call."""
        fits = len(self._content) + len(entry.content) + ITEM_BYTES <= CHUNK_BYTES
        if not self._content or not fits or call_key != self._call_key:
            self._close()
            self._first, self._call_key, self._time = entry.number, call_key, entry.commit_micros
        item = page_pb2.Item(
            entry_id=entry.entry_id,
            kind=entry.kind,
            speaker=entry.speaker,
            commit_offset=entry.commit_micros - self._time,
            start_offset=entry.commit_micros - entry.start_micros,
            length=entry.end_micros - entry.start_micros,
            late=entry.late,
            call_epoch=entry.call_epoch,
            content=entry.content,
        )
        # Concatenating two serialized pages gives one page with the items of both.
        self._content += page_pb2.Page(items=[item]).SerializeToString()

    def _close(self) -> None:
        if self._content:
            packing, content = compressed(bytes(self._content))
            self._closed.append(Chunk(self._key, self._first, self._call_key, self._time, packing, content))
            self._content.clear()


def compressed(content: bytes) -> tuple[Packing, bytes]:
    """Return the packing and the bytes of the content, compressed if that makes it smaller."""
    deflater = zlib.compressobj(6, zlib.DEFLATED, _RAW_DEFLATE)
    deflated = deflater.compress(content) + deflater.flush()
    return (Packing.DEFLATED, deflated) if len(deflated) < len(content) else (Packing.PLAIN, content)
