"""Outboxes of dead writers are appended, set aside or deleted; those of living writers are not touched."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import uuid4

import grpc
import pytest
from google.rpc import error_details_pb2, status_pb2
from grpc_status import rpc_status
from readback.conversation.v1 import entry_pb2
from readback.internal.conversation.v1 import call_record_service_pb2 as call_record
from structlog.testing import capture_logs

from services.conversation.client.outbox import Outbox
from services.conversation.client.outbox_file import OutboxFile
from services.conversation.client.outbox_recovery import (
    KEPT_FOR,
    SCAN_SECONDS,
    SET_ASIDE,
    UNFINISHED_FOR,
    OutboxRecovery,
)
from services.conversation.client.recorder import Recorder
from tests.integration.conversation.client.scripted import Scripted, serving
from tests.simulated_clock import SimulatedClock

pytestmark = pytest.mark.integration

AGENT = entry_pb2.SPEAKER_AGENT
OPENING = call_record.RecordOpen(call_id=str(uuid4()), epoch=2, writer_id=str(uuid4()))
WRITER = """
import asyncio, sys
from pathlib import Path
import grpc
from readback.conversation.v1 import entry_pb2
from readback.internal.conversation.v1.call_record_service_pb2_grpc import CallRecordServiceStub
from services.conversation.client.recorder import Recorder

async def main(target, call_id, folder):
    async with grpc.aio.insecure_channel(target) as channel:
        async with Recorder(CallRecordServiceStub(channel), call_id, 1, folder=Path(folder)) as recorder:
            for number in range(20):
                entry_id = f"00000000-0000-4000-8000-{number:012}"
                recorder.seal(entry_id, entry_pb2.SPEAKER_AGENT, f"turn {number}")
            recorder.revise("00000000-0000-4000-8000-999999999999", entry_pb2.SPEAKER_AGENT, "and then I")
            print("said", flush=True)
            await asyncio.Event().wait()

asyncio.run(main(*sys.argv[1:]))
"""


def left_behind(folder: Path, *drafts: call_record.Draft, opened: bool = True) -> Path:
    """Make an outbox of a dead writer."""
    outbox = Outbox(file := OutboxFile(folder, OPENING))
    if opened:
        file.opened(call_record.RecordOpened(late_ticket="ticket"))
    for draft in drafts:
        outbox.put(draft)
    file.close(keep=True)
    return folder / f"{OPENING.call_id}.{OPENING.epoch}.{OPENING.writer_id}.outbox"


def outboxes_in(folder: Path) -> list[Path]:
    return list(folder.rglob("*.outbox"))


def said(text: str) -> call_record.Draft:
    entry_id, draft = str(uuid4()), call_record.Draft()
    draft.entry_id = draft.utterance.utterance_id = entry_id
    draft.utterance.text = text
    draft.start_time.GetCurrentTime()
    draft.end_time.GetCurrentTime()
    return draft


def saying(text: str) -> call_record.Draft:
    entry_id, draft = str(uuid4()), call_record.Draft()
    draft.entry_id = draft.open_utterance.utterance_id = entry_id
    draft.open_utterance.text = text
    draft.start_time.GetCurrentTime()
    return draft


def refusing(code: grpc.StatusCode, reason: str) -> Any:
    """Return a handler that refuses every entry."""

    async def refuse(context: Any) -> None:
        status = status_pb2.Status(code=code.value[0], message="no")
        status.details.add().Pack(error_details_pb2.ErrorInfo(reason=reason))
        await context.abort_with_status(rpc_status.to_status(status))

    return refuse


def texts(script: Scripted) -> list[str]:
    return [draft.utterance.text for request in script.appended for draft in request.drafts]


class At:
    """Clock with a fixed time."""

    def __init__(self, time: datetime) -> None:
        self._time = time

    def now(self) -> datetime:
        return self._time

    def monotonic(self) -> float:
        return self._time.timestamp()

    async def sleep(self, seconds: float) -> None:
        await asyncio.sleep(0)


@asynccontextmanager
async def scanned(folder: Path, script: Scripted, at: datetime | None = None) -> AsyncIterator[None]:
    """Scan the folder once."""
    async with serving(script) as stub, asyncio.timeout(20):
        await OutboxRecovery(folder, stub, At(at or datetime.now(UTC))).scan()
        yield


async def test_outbox_of_a_dead_writer_is_appended_with_its_ticket_and_deleted(tmp_path: Path) -> None:
    path, script = left_behind(tmp_path, said("one"), said("two")), Scripted()
    async with scanned(tmp_path, script):
        assert texts(script) == ["one", "two"]
        assert {(r.call_id, r.epoch, r.writer_id, r.late_ticket) for r in script.appended} == {
            (OPENING.call_id, 2, OPENING.writer_id, "ticket")
        }
        assert not path.exists()


async def test_open_utterance_is_appended_as_truncated(tmp_path: Path) -> None:
    path, script = left_behind(tmp_path, saying("There are")), Scripted()
    written = path.stat().st_mtime
    async with scanned(tmp_path, script):
        (draft,) = script.appended[0].drafts
        assert (draft.utterance.text, draft.utterance.sealing) == ("There are", entry_pb2.SEALING_TRUNCATED)
        assert draft.utterance.utterance_id == draft.entry_id
        assert draft.end_time.ToDatetime(UTC).timestamp() == pytest.approx(written, abs=0.01)


@pytest.mark.parametrize(
    "code", [grpc.StatusCode.UNAVAILABLE, grpc.StatusCode.UNAUTHENTICATED, grpc.StatusCode.RESOURCE_EXHAUSTED]
)
async def test_outbox_waits_while_the_service_is_unavailable(tmp_path: Path, code: grpc.StatusCode) -> None:
    path, script = left_behind(tmp_path, said("one")), Scripted()
    script.on_append = refusing(code, "")
    async with scanned(tmp_path, script):
        assert path.exists()
    async with scanned(tmp_path, Scripted()):
        assert not path.exists()


@pytest.mark.parametrize(
    ("code", "reason"),
    [
        (grpc.StatusCode.FAILED_PRECONDITION, "CONVERSATION_ENDED"),
        (grpc.StatusCode.ABORTED, "STALE_EPOCH"),
        (grpc.StatusCode.INVALID_ARGUMENT, "INVALID_REQUEST"),
    ],
)
async def test_refused_outbox_is_set_aside_and_logged(
    tmp_path: Path, code: grpc.StatusCode, reason: str
) -> None:
    path, script = left_behind(tmp_path, said("one"), said("two")), Scripted()
    script.on_append = refusing(code, reason)
    with capture_logs() as logs:
        async with scanned(tmp_path, script):
            assert len(script.appended) == 2
    assert not path.exists()
    assert (tmp_path / SET_ASIDE / path.name).exists()
    assert (tmp_path / SET_ASIDE).stat().st_mode & 0o777 == 0o700
    (line,) = [line for line in logs if "set aside" in line["event"]]
    assert (line["call_id"], line["entries"], line["reasons"]) == (OPENING.call_id, 2, [reason])


async def test_outbox_of_a_deleted_call_is_deleted(tmp_path: Path) -> None:
    left_behind(tmp_path, said("one"))
    script = Scripted()
    script.on_append = refusing(grpc.StatusCode.NOT_FOUND, "CALL_NOT_FOUND")
    async with scanned(tmp_path, script):
        assert outboxes_in(tmp_path) == []


async def test_every_file_expires(tmp_path: Path) -> None:
    aside = tmp_path / SET_ASIDE
    left_behind(tmp_path, said("waiting"))
    left_behind(aside, said("set aside"))
    (tmp_path / "x.new").write_bytes(b"half an outbox")
    script = Scripted()
    script.on_append = refusing(grpc.StatusCode.UNAVAILABLE, "")
    async with scanned(tmp_path, script, datetime.now(UTC) + UNFINISHED_FOR):
        assert len(outboxes_in(tmp_path)) == 2
        assert not (tmp_path / "x.new").exists()
    async with scanned(tmp_path, script, datetime.now(UTC) + KEPT_FOR + timedelta(minutes=1)):
        assert outboxes_in(tmp_path) == []


async def test_outbox_of_a_living_writer_is_not_touched(tmp_path: Path) -> None:
    outbox = Outbox(file := OutboxFile(tmp_path, OPENING))
    outbox.put(said("one"))
    script = Scripted()
    async with scanned(tmp_path, script):
        assert script.appended == []
    file.close(keep=True)


async def test_outbox_of_a_writer_that_never_held_the_call_is_deleted(tmp_path: Path) -> None:
    path, script = left_behind(tmp_path, said("one"), opened=False), Scripted()
    async with scanned(tmp_path, script):
        assert not path.exists()
        assert script.appended == []


async def test_corrupt_file_does_not_delay_others(tmp_path: Path) -> None:
    (tmp_path / "broken.outbox").write_bytes(b"\x00" * 100)
    left_behind(tmp_path, said("one"))
    script = Scripted()
    async with scanned(tmp_path, script):
        assert texts(script) == ["one"]


def another_left_behind(folder: Path, *drafts: call_record.Draft, age: int) -> Path:
    """Make an outbox of another dead writer, so many seconds old."""
    path = left_behind(folder / "elsewhere", *drafts)
    path = path.rename(folder / f"{uuid4()}.outbox")
    os.utime(path, (path.stat().st_mtime - age,) * 2)
    return path


def failing_at(script: Scripted, text: str) -> Any:
    """Return a handler that fails each time at one text."""

    async def fail(context: Any) -> None:
        if texts(script)[-1] == text:
            await context.abort(grpc.StatusCode.INTERNAL, "Something went wrong")

    return fail


async def test_entry_at_which_the_service_fails_does_not_delay_others(
    tmp_path: Path,
) -> None:
    bad, script = another_left_behind(tmp_path, said("bad"), said("behind it"), age=60), Scripted()
    good = left_behind(tmp_path, said("good"))
    script.on_append = failing_at(script, "bad")
    with capture_logs() as logs:
        async with scanned(tmp_path, script):
            assert texts(script) == ["bad", "behind it", "good"]
    assert (bad.exists(), good.exists()) == (True, False)
    assert [line["why"] for line in logs if "not recovered" in line["event"]] == ["INTERNAL"]
    async with scanned(tmp_path, Scripted()):
        assert not bad.exists()


async def test_outbox_at_which_the_service_fails_is_retried_after_growing_pauses(
    tmp_path: Path,
) -> None:
    left_behind(tmp_path, said("bad"))
    script, clock = Scripted(), SimulatedClock(datetime.now(UTC))
    script.on_append = failing_at(script, "bad")
    async with serving(script) as stub, asyncio.timeout(20):
        outboxes = OutboxRecovery(tmp_path, stub, clock)
        for _ in range(100):
            await outboxes.scan()
            clock.advance(SCAN_SECONDS)
    assert len(script.appended) == 7  # at 0, 2, 6, 14, 30, 62 and 126 seconds


async def test_file_that_cannot_be_opened_does_not_delay_others(tmp_path: Path) -> None:
    (tmp_path / "0.outbox").mkdir()
    (tmp_path / SET_ASIDE).write_text("in the way")
    os.utime(tmp_path / "0.outbox", (0, 0))
    good, script = left_behind(tmp_path, said("good")), Scripted()
    with capture_logs() as logs:
        async with scanned(tmp_path, script):
            assert texts(script) == ["good"]
    assert not good.exists()
    assert {line["path"] for line in logs if "not recovered" in line["event"]} == {"0.outbox", SET_ASIDE}


async def test_missing_folder_is_ignored(tmp_path: Path) -> None:
    async with scanned(tmp_path / "nowhere", Scripted()):
        assert not (tmp_path / "nowhere").exists()


def never_acknowledging(opened: asyncio.Event) -> Any:
    async def script(
        requests: AsyncIterator[call_record.RecordRequest], context: Any
    ) -> AsyncIterator[call_record.RecordResponse]:
        yield call_record.RecordResponse(opened=call_record.RecordOpened(late_ticket="ticket"))
        opened.set()
        await asyncio.Event().wait()

    return script


async def test_a_killed_process_loses_no_words(tmp_path: Path) -> None:
    script = Scripted(record=[never_acknowledging(asyncio.Event())])
    async with serving(script) as stub, asyncio.timeout(60):
        target, call_id = script.target, str(uuid4())
        environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
        process = await asyncio.create_subprocess_exec(
            sys.executable,
            "-c",
            WRITER,
            target,
            call_id,
            str(tmp_path),
            stdout=asyncio.subprocess.PIPE,
            env=environment,
        )
        assert process.stdout is not None
        assert await process.stdout.readline() == b"said\n"
        await OutboxRecovery(tmp_path, stub).scan()
        assert script.appended == []
        process.send_signal(signal.SIGKILL)
        await process.wait()
        await OutboxRecovery(tmp_path, stub).scan()
        assert texts(script) == [*(f"turn {number}" for number in range(20)), "and then I"]
        assert {request.call_id for request in script.appended} == {call_id}
        assert outboxes_in(tmp_path) == []


async def test_outbox_remains_if_the_recorder_leaves_during_an_outage(tmp_path: Path) -> None:
    script = Scripted(record=[never_acknowledging(asyncio.Event())])
    async with serving(script) as stub, asyncio.timeout(20):
        async with Recorder(stub, str(uuid4()), 1, folder=tmp_path) as recorder:
            recorder.seal(str(uuid4()), AGENT, "goodbye")
        await OutboxRecovery(tmp_path, stub).scan()
    assert texts(script) == ["goodbye"]
