"""`readback watch` as a process, with a scripted conversation service that fails in chosen ways."""

from __future__ import annotations

import asyncio
import json
import os
import pty
import signal
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import grpc
import pytest
from google.rpc.error_details_pb2 import ErrorInfo
from google.rpc.status_pb2 import Status
from grpc_status import rpc_status
from readback.conversation.v1 import conversation_service_pb2 as pb
from readback.conversation.v1 import entry_pb2
from readback_client.session import Credentials, CredentialsFile

from tests.integration.conversation.client.scripted import Following, Scripted, serving
from tests.product import READBACK, environment_for

pytestmark = pytest.mark.integration

HERE, THERE = "01936d1c-7f5e-7a30-9d2e-0f5a6f2f9d11", "01936d1c-7f5e-7a30-9d2e-0f5a6f2f9d22"
FINISHED = pb.WatchResponse(cursor="end", end=pb.WatchEnd(reason=pb.WATCH_END_REASON_CONVERSATION_ENDED))
CAUGHT_UP = pb.WatchResponse(cursor="now", caught_up=pb.CaughtUp())


def said(number: int, text: str, conversation_id: str = HERE) -> pb.WatchResponse:
    words = entry_pb2.Utterance(speaker=entry_pb2.SPEAKER_AGENT, text=text, sealing=entry_pb2.SEALING_FINAL)
    entry = entry_pb2.Entry(number=number, conversation_id=conversation_id, utterance=words)
    entry.start_time.FromDatetime(datetime(2027, 1, 2, 3, 4, 5, tzinfo=UTC))
    return pb.WatchResponse(cursor=f"after {number}", entry=entry)


def sending(
    *responses: pb.WatchResponse, then: grpc.StatusCode | None = None, stay: bool = False
) -> Following:
    async def script(request: pb.WatchRequest, context: Any) -> AsyncIterator[pb.WatchResponse]:
        for response in responses:
            yield response
        if stay:
            await asyncio.Event().wait()
        if then is not None:
            await context.abort(then, "broke off")

    return script


async def expired(request: pb.WatchRequest, context: Any) -> AsyncIterator[pb.WatchResponse]:
    status = Status(code=grpc.StatusCode.OUT_OF_RANGE.value[0], message="gone")
    status.details.add().Pack(ErrorInfo(reason="CURSOR_EXPIRED", metadata={"earliest_cursor": "after 4"}))
    await context.abort_with_status(rpc_status.to_status(status))
    yield FINISHED


class Watching:
    """`readback watch` for a customer who is logged in."""

    def __init__(self, home: Path, script: Scripted) -> None:
        self.environment = environment_for(
            home,
            READBACK_CONVERSATION_ADDRESS=script.target,
            READBACK_IDENTITY_ADDRESS="127.0.0.1:1",
            COLUMNS="200",
        )
        file = CredentialsFile(home / "config" / "readback" / "127.0.0.1:1.json")
        file.save(Credentials("ada@example.com", "a token", time.time() + 3600, "another"))

    @asynccontextmanager
    async def running(self, *arguments: str) -> AsyncIterator[asyncio.subprocess.Process]:
        pipe = asyncio.subprocess.PIPE
        process = await asyncio.create_subprocess_exec(
            *READBACK,
            "watch",
            *arguments,
            env=self.environment,
            stdin=asyncio.subprocess.DEVNULL,
            stdout=pipe,
            stderr=pipe,
        )
        try:
            yield process
        finally:
            if process.returncode is None:
                process.kill()
                await process.communicate()

    async def done(self, *arguments: str) -> tuple[int, str, str]:
        """Exit code, standard output, standard error."""
        async with self.running(*arguments) as process:
            out, err = await process.communicate()
        assert process.returncode is not None
        return process.returncode, out.decode(), err.decode()


@asynccontextmanager
async def watching(home: Path, *scripts: Following) -> AsyncIterator[tuple[Watching, Scripted]]:
    script = Scripted(watch=list(scripts))
    async with serving(script), asyncio.timeout(50):
        yield Watching(home, script), script


async def test_entries_are_lines_of_stdout_and_a_lost_connection_is_reported_on_stderr(
    tmp_path: Path,
) -> None:
    broken = sending(said(1, "Hello."), then=grpc.StatusCode.UNAVAILABLE)
    async with watching(tmp_path, broken, sending(said(2, "Where to?"), FINISHED)) as (command, script):
        code, out, err = await command.done(HERE)
    assert code == 0
    assert [line.split("  ")[-1] for line in out.splitlines()] == [
        "Hello.",
        "Where to?",
        "The conversation has ended.",
    ]
    assert "\x1b" not in out + err, "no colours in a pipe"
    assert ["lost" in line for line in err.splitlines()] == [True, False]
    assert script.watched[1].cursor == "after 1"


async def test_all_conversations_are_followed_unless_one_is_named(tmp_path: Path) -> None:
    gone = pb.WatchResponse(cursor="after deletion", deleted=pb.ConversationDeleted(conversation_id=THERE))
    everything = sending(said(1, "one"), said(1, "two", THERE), said(2, "three"), gone, CAUGHT_UP, stay=True)
    async with watching(tmp_path, everything) as (command, script):
        code, out, _ = await command.done("--no-follow")
    assert (code, script.watched[0].conversation_id) == (0, "")
    heads = [line.split()[1] for line in out.splitlines() if line.startswith("──")]
    assert heads == [HERE, THERE, HERE, THERE]
    assert f"{THERE} was deleted" in out.splitlines()[-1]


async def test_json_lines_carry_cursors_to_continue_from(tmp_path: Path) -> None:
    speaking = pb.WatchResponse(live=pb.LiveText(tail="There are"))
    async with watching(tmp_path, sending(said(1, "«Zürich»"), speaking, FINISHED)) as (command, script):
        code, out, _ = await command.done("--json", "--live", "--cursor", "after 0")
    assert code == 0
    events = [json.loads(line) for line in out.splitlines()]
    assert [event.get("cursor") for event in events] == ["after 1", None, "end"]
    assert "«Zürich»" in out
    assert events[1]["live"]["tail"] == "There are"
    assert (script.watched[0].cursor, script.watched[0].include_live) == ("after 0", True)


async def test_filters_are_sent_to_the_service(tmp_path: Path) -> None:
    async with watching(tmp_path, sending(FINISHED)) as (command, script):
        before = datetime.now(UTC)
        await command.done(
            "--since",
            "2h",
            "--speaker",
            "customer",
            "--kind",
            "utterance",
            "--kind",
            "tool-call",
            "--conversation",
            HERE,
        )
    (request,) = script.watched
    assert request.conversation_id == HERE
    assert abs(request.start_commit_time.ToDatetime(UTC) - (before - timedelta(hours=2))) < timedelta(
        minutes=1
    )
    assert list(request.filter.speakers) == [entry_pb2.SPEAKER_CUSTOMER]
    assert list(request.filter.kinds) == [pb.ENTRY_KIND_UTTERANCE, pb.ENTRY_KIND_TOOL_CALL]
    assert not request.include_live


async def test_the_error_of_an_expired_cursor_names_from_earliest(tmp_path: Path) -> None:
    async with watching(tmp_path, expired) as (command, _):
        code, out, err = await command.done("--json", "--cursor", "old")
    assert (code, out) == (1, "")
    assert "--from-earliest" in err


async def test_watch_starts_again_with_from_earliest(tmp_path: Path) -> None:
    async with watching(tmp_path, expired, sending(said(5, "left"), FINISHED)) as (command, script):
        code, out, err = await command.done(HERE, "--cursor", "old", "--from-earliest")
    assert (code, script.watched[1].cursor) == (0, "after 4")
    assert "left" in out
    assert "earliest entry" in err


async def test_an_interrupt_ends_it_silently(tmp_path: Path) -> None:
    async with (
        watching(tmp_path, sending(said(1, "Hello."), stay=True)) as (command, _),
        command.running(HERE) as process,
    ):
        assert process.stdout is not None
        assert b"Hello." in await process.stdout.readline()
        process.send_signal(signal.SIGINT)
        out, err = await process.communicate()
    assert (process.returncode, out, err) == (130, b"", b"")


async def test_it_ends_when_the_reader_of_its_output_is_gone(tmp_path: Path) -> None:
    async with (
        watching(tmp_path, sending(said(1, "Hello."), stay=True)) as (command, _),
        command.running(HERE, "--json") as process,
    ):
        assert process.stdout is not None
        assert process.stderr is not None
        await process.stdout.readline()
        process.stdout._transport.close()  # type: ignore[attr-defined]  # the reading end of the pipe
        assert await process.stderr.read() == b""
        await process.wait()


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--since", "tomorrow"], "2h"),
        (["--since", "2h", "--cursor", "x"], "one of them"),
        ([HERE, "--conversation", THERE], "Two conversations"),
    ],
)
async def test_contradictory_options_are_refused_before_any_request(
    tmp_path: Path, arguments: list[str], words: str
) -> None:
    async with watching(tmp_path, sending(FINISHED)) as (command, script):
        code, _, err = await command.done(*arguments)
    assert (code, script.watched) == (2, [])
    assert words in err
    assert len(err.splitlines()) == 1


def test_a_terminal_is_left_as_it_was(tmp_path: Path) -> None:
    """Live words stay in the last line of a terminal; at the end the cursor is visible again."""
    asyncio.run(_on_a_terminal(tmp_path))


async def _on_a_terminal(home: Path) -> None:
    speaking = pb.WatchResponse(live=pb.LiveText(utterance_id="u", tail="There are"))
    async with watching(home, sending(said(1, "Hello."), speaking, said(2, "There are two."), FINISHED)) as (
        customer,
        script,
    ):
        environment = customer.environment | {"TERM": "xterm-256color"}
        leader, follower = pty.openpty()
        process = await asyncio.create_subprocess_exec(
            *READBACK, "watch", HERE, env=environment, stdin=follower, stdout=follower
        )
        os.close(follower)
        output = await asyncio.to_thread(_all_of, leader)
        assert await process.wait() == 0
    assert script.watched[0].include_live
    assert "There are two." in output
    assert output.rstrip().endswith("\x1b[?25h") or output.rfind("\x1b[?25h") > output.rfind("\x1b[?25l")
    assert "\x1b[1;36m" in output, "colours on a terminal"


def _all_of(descriptor: int) -> str:
    read = b""
    while True:
        try:
            piece = os.read(descriptor, 4096)
        except OSError:  # on Linux: the other end is closed
            break
        if not piece:
            break
        read += piece
    os.close(descriptor)
    return read.decode()
