"""Pages of a log: how consecutive entries share one row.

The last page of a log is rewritten as entries come, plain; when the next entry doesn't fit, it is closed, deflated if that makes it
smaller, and never touched again.
"""

from __future__ import annotations

import zlib
from collections.abc import Iterator
from enum import IntEnum
from typing import NamedTuple

from readback.conversation.storage.v1 import page_pb2

from mesh.ids import uuid_text
from services.conversation.model.drafts import NewEntry
from services.conversation.model.records import StoredEntry

PAGE_BYTES = 1000
"""Content of a page before it is closed, some eight turns: a larger one is deflated better, but rewritten more often as it grows, which
PostgreSQL pays for with dead versions; measured, the smallest tables are at about this."""
ITEM_BYTES = 48
"""What an entry takes beside its content, at most."""
_RAW_DEFLATE = -15
_ROOM = 2048
"""What a page is inflated into at first; zlib makes it larger for the few that hold one large entry."""


class Packing(IntEnum):
    """How a page's content lies in its row."""

    PLAIN = 0
    DEFLATED = 1


class PageRow(NamedTuple):
    """A page as it lies in the table."""

    conversation_key: int
    first_number: int
    call_key: int | None
    commit_time: int
    """Microseconds since 1970 at which its first entry was committed."""
    packing: Packing
    content: bytes

    def unpacked(self) -> bytes:
        """The serialized `Page`."""
        return (
            zlib.decompress(self.content, _RAW_DEFLATE, _ROOM)
            if self.packing == Packing.DEFLATED
            else self.content
        )


def closed(content: bytes) -> tuple[Packing, bytes]:
    """A page's content as it stays."""
    deflater = zlib.compressobj(6, zlib.DEFLATED, _RAW_DEFLATE)
    deflated = deflater.compress(content) + deflater.flush()
    return (Packing.DEFLATED, deflated) if len(deflated) < len(content) else (Packing.PLAIN, content)


class GrowingPages:
    """The last page of a log and those after it, as entries are added."""

    def __init__(self, conversation_key: int, open_page: PageRow | None) -> None:
        self._key = conversation_key
        self._first, self._call_key, self._time = 0, None, 0
        self._content = bytearray()
        if open_page is not None:
            self._first, self._call_key, self._time = (
                open_page.first_number,
                open_page.call_key,
                open_page.commit_time,
            )
            self._content += open_page.content
        self._full: list[PageRow] = []

    @property
    def open_page(self) -> PageRow | None:
        """The page that goes on."""
        if not self._content:
            return None
        return PageRow(
            self._key, self._first, self._call_key, self._time, Packing.PLAIN, bytes(self._content)
        )

    def written(self) -> list[PageRow]:
        """Every page that was changed, the open one last."""
        return [*self._full, self.open_page] if self.open_page else self._full

    def add(
        self, number: int, entry: NewEntry, commit_time: int, call_key: int | None, *, late: bool
    ) -> None:
        """Puts the next entry on the last page, or on a new one."""
        fits = len(self._content) + len(entry.content) + ITEM_BYTES <= PAGE_BYTES
        if not self._content or not fits or call_key != self._call_key:
            self._close()
            self._first, self._call_key, self._time = number, call_key, commit_time
        item = page_pb2.Item(
            entry_id=entry.entry_id,
            kind=entry.kind,
            speaker=entry.speaker,
            commit_offset=commit_time - self._time,
            start_offset=commit_time - entry.start,
            length=entry.end - entry.start,
            late=late,
            content=entry.content,
        )
        self._content += page_pb2.Page(items=[item]).SerializeToString()

    def _close(self) -> None:
        if self._content:
            packing, content = closed(bytes(self._content))
            self._full.append(PageRow(self._key, self._first, self._call_key, self._time, packing, content))
            self._content.clear()


def items_of(row: PageRow) -> list[page_pb2.Item]:
    """The entries of a page, packed."""
    return list(page_pb2.Page.FromString(row.unpacked()).items)


def entries_of(row: PageRow, call_id: str | None) -> Iterator[StoredEntry]:
    """The entries of a page."""
    for number, item in enumerate(items_of(row), row.first_number):
        yield entry_of(item, number, row.commit_time, call_id)


def entry_of(item: page_pb2.Item, number: int, page_time: int, call_id: str | None) -> StoredEntry:
    """One entry out of a page whose first was committed at `page_time`, in microseconds since 1970."""
    commit = page_time + item.commit_offset
    start = commit - item.start_offset
    return StoredEntry(
        number=number,
        entry_id=uuid_text(item.entry_id),
        call_id=call_id,
        kind=item.kind,
        speaker=item.speaker,  # type: ignore[arg-type]  # stored from the contract's enum
        start_micros=start,
        end_micros=start + item.length,
        commit_micros=commit,
        late=item.late,
        content=item.content,
    )
