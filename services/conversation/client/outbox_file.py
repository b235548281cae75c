"""Outbox file: the drafts of one writer on disk. The file is locked while the writer lives.

    frame   length u32 · CRC-32 u32 · kind u8 · content; big-endian; the checksum covers kind and content
    kinds   OPEN a RecordOpen · OPENED a RecordOpened without its grant · DRAFT a Draft · ASIDE a Draft
            SETTLED a client sequence, u64

A DRAFT is unsettled if its client sequence is greater than the last SETTLED one. An ASIDE is always
unsettled. If an entry has several frames, the last one counts. Reading stops at a frame that is cut short or
doesn't match its checksum, because the machine went down while this frame was written.

Durability: a draft is in the kernel's page cache before `add` returns, so a killed process loses nothing. The
file is synced (fdatasync, in another thread) only when a draft waits for its ack longer than `SYNC_SECONDS`.
The service acks within milliseconds of its own fsync, so normally no sync is needed. A power failure during
an outage of the service loses the last tenths of a second. A write takes about ten microseconds. If the disk
fails or is full, an error is logged and the call continues with the drafts in memory.
"""

from __future__ import annotations

import asyncio
import errno
import fcntl
import os
import struct
import zlib
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from enum import IntEnum
from pathlib import Path

import structlog
from google.protobuf.message import DecodeError
from readback.internal.conversation.v1 import call_record_service_pb2 as call_record

SUFFIX = ".outbox"
UNFINISHED = ".new"
"""Suffix while the file is being created."""
SYNC_SECONDS = 0.2
"""Longest time for which a draft is in the page cache but not on the disk."""
COMPACT_BYTES = 256 << 10
"""Size from which a file is rewritten if it is also longer than four times its unsettled drafts."""

_HEAD = struct.Struct(">IIB")
_SEQUENCE = struct.Struct(">Q")
_MAX_CONTENT_BYTES = 8 << 20
_log = structlog.get_logger()


class Kind(IntEnum):
    """Kind of a frame."""

    OPEN = 1
    OPENED = 2
    DRAFT = 3
    SETTLED = 4
    ASIDE = 5


@dataclass(slots=True)
class OutboxContents:
    """Contents of one outbox file."""

    opening: call_record.RecordOpen
    opened: call_record.RecordOpened | None = None
    """The service's answer to the opening, without the grant; None if the writer never held the call."""
    drafts: dict[str, call_record.Draft] = field(default_factory=dict)
    """Unsettled drafts by entry id: first those that were set aside, then the remaining ones in order."""


def frame(kind: Kind, content: bytes) -> bytes:
    """Return one encoded frame."""
    return _HEAD.pack(len(content), zlib.crc32(content, zlib.crc32(bytes([kind]))), kind) + content


def frames(data: bytes) -> Iterator[tuple[int, bytes]]:
    """Yield the kind and content of each frame before the first incomplete or damaged one."""
    at = 0
    while at + _HEAD.size <= len(data):
        length, checksum, kind = _HEAD.unpack_from(data, at)
        content = data[at + _HEAD.size : at + _HEAD.size + length]
        if (
            length > _MAX_CONTENT_BYTES
            or len(content) < length
            or zlib.crc32(content, zlib.crc32(bytes([kind]))) != checksum
        ):
            return
        yield kind, content
        at += _HEAD.size + length


def read(data: bytes) -> OutboxContents | None:
    """Return the contents of an outbox file; None if its first frame can't be read."""
    contents: OutboxContents | None = None
    aside: dict[str, call_record.Draft] = {}
    try:
        for kind, content in frames(data):
            match kind, contents:
                case Kind.OPEN, _:
                    contents = OutboxContents(call_record.RecordOpen.FromString(content))
                case Kind.OPENED, OutboxContents():
                    contents.opened = call_record.RecordOpened.FromString(content)
                case ((Kind.DRAFT | Kind.ASIDE), OutboxContents()):
                    draft = call_record.Draft.FromString(content)
                    contents.drafts.pop(draft.entry_id, None)
                    aside.pop(draft.entry_id, None)
                    (contents.drafts if kind == Kind.DRAFT else aside)[draft.entry_id] = draft
                case Kind.SETTLED, OutboxContents():
                    (through,) = _SEQUENCE.unpack(content)
                    contents.drafts = {
                        key: draft
                        for key, draft in contents.drafts.items()
                        if draft.client_sequence > through
                    }
    except (DecodeError, struct.error):
        _log.exception("outbox corrupt")
    if contents is not None:
        contents.drafts = aside | contents.drafts
    return contents


class OutboxFile:
    """The outbox file of one writer, locked until it is closed. Not thread-safe."""

    def __init__(self, folder: Path, opening: call_record.RecordOpen) -> None:
        """Create and lock the file; raise OSError if that fails."""
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._path = folder / f"{opening.call_id}.{opening.epoch}.{opening.writer_id}{SUFFIX}"
        self._head = frame(Kind.OPEN, opening.SerializeToString())
        self._failed, self._held_bytes = False, 0
        self._unsynced = asyncio.Event()
        self._fd, self._size = self._create(self._head)

    def opened(self, opened: call_record.RecordOpened) -> None:
        """Store the service's answer to the opening, without the grant, which is secret.

        The answer has the late ticket, which `outbox_recovery` needs.
        """
        bare = call_record.RecordOpened()
        bare.CopyFrom(opened)
        bare.ClearField("grant")
        written = frame(Kind.OPENED, bare.SerializeToString())
        self._head += written
        self._write(written)

    def add(self, draft: call_record.Draft) -> None:
        """Store a draft. It replaces earlier drafts with the same entry id."""
        self._write(frame(Kind.DRAFT, draft.SerializeToString()))

    def settle(self, through_client_sequence: int) -> None:
        """Drop the drafts up to this client sequence, except drafts that were set aside."""
        self._write(frame(Kind.SETTLED, _SEQUENCE.pack(through_client_sequence)))

    def set_aside(self, draft: call_record.Draft) -> None:
        """Store a draft that `settle` doesn't drop. A later draft with the same entry id replaces it."""
        self._write(frame(Kind.ASIDE, draft.SerializeToString()))

    def compact(
        self, active: Sequence[call_record.Draft], aside: Sequence[call_record.Draft], held_bytes: int
    ) -> None:
        """If most of the file is settled, rewrite it with the given drafts; their size is `held_bytes`."""
        self._held_bytes = held_bytes
        if self._failed or self._size <= max(COMPACT_BYTES, 4 * held_bytes):
            return
        frames_held = [frame(Kind.ASIDE, draft.SerializeToString()) for draft in aside]
        frames_held += [frame(Kind.DRAFT, draft.SerializeToString()) for draft in active]
        try:
            before, (self._fd, self._size) = self._fd, self._create(b"".join([self._head, *frames_held]))
        except OSError as error:
            self._fail(error)
        else:
            os.close(before)

    async def keep_synced(self) -> None:
        """Sync the file to the disk while drafts wait longer than `SYNC_SECONDS`. Runs until cancelled."""
        while True:
            await self._unsynced.wait()
            self._unsynced.clear()
            await asyncio.sleep(SYNC_SECONDS)
            if self._held_bytes and not self._failed:
                try:
                    await asyncio.to_thread(_sync, os.dup(self._fd))
                except OSError as error:
                    self._fail(error)

    def close(self, *, keep: bool) -> None:
        """Unlock the file, and delete it unless `keep`."""
        if not keep:
            self._path.unlink(missing_ok=True)
        os.close(self._fd)

    def _create(self, content: bytes) -> tuple[int, int]:
        """Create the file with this content; return its descriptor and length in bytes.

        The file is locked before it gets its final name, so no other process can lock it first.
        """
        unfinished = self._path.with_suffix(UNFINISHED)
        fd = os.open(unfinished, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_APPEND, 0o600)
        try:
            fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
            _write_all(fd, content)
            unfinished.replace(self._path)
        except OSError:
            os.close(fd)
            raise
        return fd, len(content)

    def _write(self, written: bytes) -> None:
        if self._failed:
            return
        try:
            _write_all(self._fd, written)
        except OSError as error:
            with suppress(OSError):
                os.ftruncate(self._fd, self._size)  # reading would stop at half a frame
            self._fail(error)
            return
        self._size += len(written)
        self._unsynced.set()

    def _fail(self, error: OSError) -> None:
        self._failed = True
        _log.error("outbox write failed; new drafts are in memory only", path=self._path.name, why=str(error))


def _write_all(fd: int, data: bytes) -> None:
    if os.write(fd, data) < len(data):
        raise OSError(errno.ENOSPC, "No space left for the outbox")


def _sync(fd: int) -> None:
    try:
        os.fdatasync(fd)
    finally:
        os.close(fd)
