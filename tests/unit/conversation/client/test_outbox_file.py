"""The outbox file: unsettled drafts survive the end of the process or the machine."""

from __future__ import annotations

import asyncio
import errno
import fcntl
import os
import stat
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from hypothesis import given
from hypothesis import strategies as st
from readback.conversation.v1 import entry_pb2
from readback.internal.conversation.v1 import call_record_service_pb2 as call_record
from structlog.testing import capture_logs

from services.conversation.client import outbox_file
from services.conversation.client.outbox import Outbox
from services.conversation.client.outbox_file import Kind, OutboxContents, OutboxFile, frame, read

pytestmark = pytest.mark.unit

OPENING = call_record.RecordOpen(call_id=str(uuid4()), epoch=2, writer_id=str(uuid4()))
OPENED = call_record.RecordOpened(
    conversation_id=str(uuid4()), grant="not for the disk", late_ticket="ticket"
)


def draft(entry_id: str, sequence: int = 0, text: str = "all of it") -> call_record.Draft:
    return call_record.Draft(
        entry_id=entry_id,
        client_sequence=sequence,
        utterance=entry_pb2.Utterance(utterance_id=entry_id, text=text),
    )


def revision(entry_id: str, number: int) -> call_record.Draft:
    speech = call_record.OpenUtterance(utterance_id=entry_id, revision=number, text=f"{number} words")
    return call_record.Draft(entry_id=entry_id, open_utterance=speech)


def only_file(folder: Path) -> Path:
    (path,) = folder.iterdir()
    return path


def files_in(folder: Path) -> list[Path]:
    return list(folder.iterdir())


def contents_of(folder: Path) -> OutboxContents:
    contents = read(only_file(folder).read_bytes())
    assert contents is not None
    return contents


async def test_unsettled_drafts_are_kept_in_order(tmp_path: Path) -> None:
    outbox = Outbox(OutboxFile(tmp_path, OPENING))
    for entry_id in "abcd":
        outbox.put(draft(entry_id))
    outbox.take(3)
    outbox.settle(2)
    contents = contents_of(tmp_path)
    assert contents.opening == OPENING
    assert [(key, draft.client_sequence) for key, draft in contents.drafts.items()] == [("c", 3), ("d", 4)]


async def test_latest_revision_of_an_utterance_is_kept(tmp_path: Path) -> None:
    outbox = Outbox(OutboxFile(tmp_path, OPENING))
    for number in range(1, 6):
        outbox.put(revision("a", number))
        outbox.take(1)
    outbox.settle(4)
    (left,) = contents_of(tmp_path).drafts.values()
    assert left.open_utterance.text == "5 words"


async def test_set_aside_draft_survives_settling_and_compaction(tmp_path: Path) -> None:
    outbox = Outbox(OutboxFile(tmp_path, OPENING))
    for entry_id in ("bad", "good"):
        outbox.put(draft(entry_id))
    outbox.take(1)
    outbox.skip()
    outbox.take(1)
    outbox.set_skipped_aside()
    outbox.settle(2)
    assert list(contents_of(tmp_path).drafts) == ["bad"]
    for number in range(5000):
        outbox.put(revision("open", number))
    assert list(contents_of(tmp_path).drafts) == ["bad", "open"]
    outbox.put(draft("bad", text="in other words"))
    outbox.settle(outbox.take(10)[-1].client_sequence)
    assert list(contents_of(tmp_path).drafts) == []


async def test_ticket_is_stored_and_the_grant_is_not(tmp_path: Path) -> None:
    file = OutboxFile(tmp_path, OPENING)
    file.opened(OPENED)
    opened = contents_of(tmp_path).opened
    assert opened is not None
    assert (opened.late_ticket, opened.grant) == ("ticket", "")
    assert b"not for the disk" not in only_file(tmp_path).read_bytes()


async def test_only_the_owner_may_read_it(tmp_path: Path) -> None:
    folder = tmp_path / "outbox"
    OutboxFile(folder, OPENING)
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    assert stat.S_IMODE(only_file(folder).stat().st_mode) == 0o600


async def test_file_is_locked_while_its_writer_lives(tmp_path: Path) -> None:
    file = OutboxFile(tmp_path, OPENING)
    with only_file(tmp_path).open("rb") as other, pytest.raises(BlockingIOError):
        fcntl.flock(other, fcntl.LOCK_EX | fcntl.LOCK_NB)
    file.close(keep=True)
    with only_file(tmp_path).open("rb") as other:
        fcntl.flock(other, fcntl.LOCK_EX | fcntl.LOCK_NB)


async def test_settled_file_is_deleted_on_close(tmp_path: Path) -> None:
    OutboxFile(tmp_path, OPENING).close(keep=False)
    assert not files_in(tmp_path)


async def test_file_is_compacted_and_stays_locked(tmp_path: Path) -> None:
    outbox = Outbox(file := OutboxFile(tmp_path, OPENING))
    file.opened(OPENED)
    outbox.put(draft("first"))
    for number in range(3000):
        outbox.put(revision("a", number))
    assert only_file(tmp_path).stat().st_size <= outbox_file.COMPACT_BYTES + 1000
    for index in range(3000):
        outbox.put(draft(f"{index}"))
        outbox.settle(outbox.take(1)[-1].client_sequence)
    assert only_file(tmp_path).stat().st_size <= outbox_file.COMPACT_BYTES + 1000
    assert contents_of(tmp_path).opened is not None
    with only_file(tmp_path).open("rb") as other, pytest.raises(BlockingIOError):
        fcntl.flock(other, fcntl.LOCK_EX | fcntl.LOCK_NB)


async def test_unsettled_drafts_survive_compaction(tmp_path: Path) -> None:
    outbox = Outbox(OutboxFile(tmp_path, OPENING))
    outbox.put(draft("sent"))
    outbox.take(1)
    outbox.put(draft("waiting"))
    for number in range(5000):
        outbox.put(revision("open", number))
    assert list(contents_of(tmp_path).drafts) == ["sent", "waiting", "open"]
    assert contents_of(tmp_path).drafts["open"].open_utterance.revision == 4999


@given(st.data())
def test_a_truncated_file_keeps_everything_before_the_cut(data: st.DataObject) -> None:
    parts = [frame(Kind.OPEN, OPENING.SerializeToString())]
    parts += [frame(Kind.DRAFT, draft(f"{number}", number).SerializeToString()) for number in range(1, 8)]
    whole = b"".join(parts)
    cut = data.draw(st.integers(len(parts[0]), len(whole)))
    contents = read(whole[:cut])
    assert contents is not None
    complete = sum(1 for index in range(2, len(parts) + 1) if sum(map(len, parts[:index])) <= cut)
    assert list(contents.drafts) == [f"{number}" for number in range(1, complete + 1)]


@given(st.binary(max_size=200))
def test_garbage_is_ignored_or_ends_the_file(rubbish: bytes) -> None:
    good = frame(Kind.OPEN, OPENING.SerializeToString()) + frame(
        Kind.DRAFT, draft("a", 1).SerializeToString()
    )
    contents = read(good + rubbish)
    assert contents is not None
    assert list(contents.drafts) == ["a"]
    assert read(rubbish) is None


def test_a_frame_whose_bytes_changed_ends_the_file() -> None:
    first, second = (frame(Kind.DRAFT, draft(key, 1).SerializeToString()) for key in "ab")
    spoiled = bytearray(frame(Kind.OPEN, OPENING.SerializeToString()) + first + second)
    spoiled[-1] ^= 1
    contents = read(bytes(spoiled))
    assert contents is not None
    assert list(contents.drafts) == ["a"]


def test_frame_with_foreign_content_is_logged() -> None:
    with capture_logs() as logs:
        contents = read(frame(Kind.OPEN, OPENING.SerializeToString()) + frame(Kind.SETTLED, b"short"))
    assert contents is not None
    assert [line["log_level"] for line in logs] == ["error"]


async def test_full_disk_does_not_stop_the_call(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    outbox = Outbox(OutboxFile(tmp_path, OPENING))
    outbox.put(draft("a"))

    def full(fd: int, data: bytes) -> int:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr("os.write", full)
    with capture_logs() as logs:
        outbox.put(draft("b"))
        outbox.put(draft("c"))
    assert [draft.entry_id for draft in outbox.take(10)] == ["a", "b", "c"]
    assert len(logs) == 1
    assert list(contents_of(tmp_path).drafts) == ["a"]


async def test_partial_write_does_not_damage_earlier_frames(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    outbox, write = Outbox(OutboxFile(tmp_path, OPENING)), os.write
    outbox.put(draft("a"))
    before = only_file(tmp_path).read_bytes()
    monkeypatch.setattr("os.write", lambda fd, data: write(fd, data[:7]))
    outbox.put(draft("b"))
    assert only_file(tmp_path).read_bytes() == before


async def test_only_waiting_drafts_are_synced(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    synced = asyncio.Event()
    loop = asyncio.get_running_loop()
    monkeypatch.setattr(outbox_file, "SYNC_SECONDS", 0.001)
    monkeypatch.setattr("os.fdatasync", lambda fd: loop.call_soon_threadsafe(synced.set))
    outbox = Outbox(file := OutboxFile(tmp_path, OPENING))
    keeping: asyncio.Task[Any] = asyncio.create_task(file.keep_synced())
    outbox.put(draft("a"))
    outbox.settle(outbox.take(1)[0].client_sequence)
    async with asyncio.timeout(10):
        while file._unsynced.is_set():  # noqa: ASYNC110 -- nothing signals the change
            await asyncio.sleep(0)
        assert not synced.is_set()
        outbox.put(draft("b"))
        await synced.wait()
    keeping.cancel()
    await asyncio.gather(keeping, return_exceptions=True)
