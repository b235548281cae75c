"""An outbox that outlives its process: one file for each writer, appended to, locked while the writer lives.

    frame   length u32 · CRC-32 u32 · kind u8 · that many bytes           big-endian; the checksum covers kind and bytes
    kinds   OPEN a RecordOpen · OPENED a RecordOpened without its grant · DRAFT a Draft · SETTLED a client sequence, u64
            ASIDE a Draft

What is still to be handed in is every draft after the last SETTLED, and every ASIDE, of each entry the last. A frame that is cut short or
doesn't fit its checksum ends the file: it was being written when the machine went down.

How durable: a draft is in the kernel's page cache before `add` returns, so killing the process loses nothing, ever. The disk is told
(fdatasync, in another thread) only of what has waited for its ack for `SYNC_SECONDS`: the service acks within milliseconds of its own
fsync, so in good times the disk does nothing, and in an outage a power failure costs the last words of some tenths of a second. A write
takes some ten microseconds; were the disk to fail or be full, the call goes on with what is in memory, and the log says so.
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
from readback.conversation.v1 import conversation_service_pb2 as pb
from readback.conversation.v1 import entry_pb2

SUFFIX = ".outbox"
UNFINISHED = ".new"
"""Suffix of a file that is not yet, and may never be, an outbox."""
SYNC_SECONDS = 0.2
TIDY_BYTES = 256 << 10
"""A file that is longer than this, and four times what it holds, is written anew."""

_HEAD = struct.Struct(">IIB")
_SEQUENCE = struct.Struct(">Q")
_LONGEST = 8 << 20
_log = structlog.get_logger()


class Kind(IntEnum):
    """What a frame holds."""

    OPEN = 1
    OPENED = 2
    DRAFT = 3
    SETTLED = 4
    ASIDE = 5


@dataclass(slots=True)
class Leftover:
    """What a file says that was never settled."""

    opening: pb.RecordOpen
    opened: pb.RecordOpened | None = None
    """What the service answered, without the grant; None for a writer that never had the call."""
    drafts: dict[str, entry_pb2.Draft] = field(default_factory=dict)
    """By entry id, in the writer's order; first those that the service failed at while it took others."""


def frame(kind: Kind, content: bytes) -> bytes:
    """One frame."""
    return _HEAD.pack(len(content), zlib.crc32(content, zlib.crc32(bytes([kind]))), kind) + content


def frames(data: bytes) -> Iterator[tuple[int, bytes]]:
    """The frames of a file, up to the first that is not whole."""
    at = 0
    while at + _HEAD.size <= len(data):
        length, checksum, kind = _HEAD.unpack_from(data, at)
        content = data[at + _HEAD.size : at + _HEAD.size + length]
        if (
            length > _LONGEST
            or len(content) < length
            or zlib.crc32(content, zlib.crc32(bytes([kind]))) != checksum
        ):
            return
        yield kind, content
        at += _HEAD.size + length


def read(data: bytes) -> Leftover | None:
    """What was never settled; None when the file doesn't even say whose it is."""
    leftover: Leftover | None = None
    aside: dict[str, entry_pb2.Draft] = {}
    try:
        for kind, content in frames(data):
            match kind, leftover:
                case Kind.OPEN, _:
                    leftover = Leftover(pb.RecordOpen.FromString(content))
                case Kind.OPENED, Leftover():
                    leftover.opened = pb.RecordOpened.FromString(content)
                case ((Kind.DRAFT | Kind.ASIDE), Leftover()):
                    draft = entry_pb2.Draft.FromString(content)
                    leftover.drafts.pop(draft.entry_id, None)
                    aside.pop(draft.entry_id, None)
                    (leftover.drafts if kind == Kind.DRAFT else aside)[draft.entry_id] = draft
                case Kind.SETTLED, Leftover():
                    (through,) = _SEQUENCE.unpack(content)
                    leftover.drafts = {
                        key: draft
                        for key, draft in leftover.drafts.items()
                        if draft.client_sequence > through
                    }
    except (DecodeError, struct.error):
        _log.exception("an outbox holds what nobody wrote")
    if leftover is not None:
        leftover.drafts = aside | leftover.drafts
    return leftover


class OutboxFile:
    """The file of one writer, locked until it is closed. Not for two threads."""

    def __init__(self, folder: Path, opening: pb.RecordOpen) -> None:
        """Makes the file; raises OSError when that can't be done."""
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._path = folder / f"{opening.call_id}.{opening.epoch}.{opening.writer_id}{SUFFIX}"
        self._head = frame(Kind.OPEN, opening.SerializeToString())
        self._failed, self._held_bytes = False, 0
        self._unsynced = asyncio.Event()
        self._fd, self._size = self._made(self._head)

    def opened(self, opened: pb.RecordOpened) -> None:
        """Notes that the call is the writer's, and its late ticket. The grant is not for the disk."""
        bare = pb.RecordOpened()
        bare.CopyFrom(opened)
        bare.ClearField("grant")
        written = frame(Kind.OPENED, bare.SerializeToString())
        self._head += written
        self._write(written)

    def add(self, draft: entry_pb2.Draft) -> None:
        """Keeps a draft; of one entry the last counts."""
        self._write(frame(Kind.DRAFT, draft.SerializeToString()))

    def settle(self, through_client_sequence: int) -> None:
        """Forgets everything up to a draft, but not what was set aside."""
        self._write(frame(Kind.SETTLED, _SEQUENCE.pack(through_client_sequence)))

    def set_aside(self, draft: entry_pb2.Draft) -> None:
        """Keeps a draft whatever is settled, until another of the same entry comes."""
        self._write(frame(Kind.ASIDE, draft.SerializeToString()))

    def tidy(
        self, held: Sequence[entry_pb2.Draft], aside: Sequence[entry_pb2.Draft], held_bytes: int
    ) -> None:
        """Writes the file anew once most of it is settled."""
        self._held_bytes = held_bytes
        if self._failed or self._size <= max(TIDY_BYTES, 4 * held_bytes):
            return
        kinds = ((Kind.ASIDE, aside), (Kind.DRAFT, held))
        drafts = (
            frame(kind, draft.SerializeToString()) for kind, all_of_them in kinds for draft in all_of_them
        )
        try:
            before, (self._fd, self._size) = self._fd, self._made(b"".join([self._head, *drafts]))
        except OSError as error:
            self._fail(error)
        else:
            os.close(before)

    async def keep_synced(self) -> None:
        """Sees to it that what waits for long is on the disk, for ever."""
        while True:
            await self._unsynced.wait()
            self._unsynced.clear()
            await asyncio.sleep(SYNC_SECONDS)
            if self._held_bytes and not self._failed:
                try:
                    await asyncio.to_thread(_synced, os.dup(self._fd))
                except OSError as error:
                    self._fail(error)

    def close(self, *, keep: bool) -> None:
        """Lets go of the file: gone, or, for `keep`, left to whoever hands in what is in it."""
        if not keep:
            self._path.unlink(missing_ok=True)
        os.close(self._fd)

    def _made(self, content: bytes) -> tuple[int, int]:
        """A file with this in it under the outbox's name, locked before anybody else can see it: its descriptor and length."""
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
                os.ftruncate(self._fd, self._size)  # half a frame would hide all that come after it
            self._fail(error)
            return
        self._size += len(written)
        self._unsynced.set()

    def _fail(self, error: OSError) -> None:
        self._failed = True
        _log.error(
            "the outbox can't be written; what is said from here on would not outlive this process",
            path=self._path.name,
            why=str(error),
        )


def _write_all(fd: int, data: bytes) -> None:
    if os.write(fd, data) < len(data):
        raise OSError(errno.ENOSPC, "there is no room for it")


def _synced(fd: int) -> None:
    try:
        os.fdatasync(fd)
    finally:
        os.close(fd)
