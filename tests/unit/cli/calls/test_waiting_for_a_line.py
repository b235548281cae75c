"""A call waits for the next line, but not after its own end."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from types import SimpleNamespace
from typing import Any

import grpc
import pytest
from grpc_status import rpc_status
from readback.conversation.v1 import conversation_service_pb2 as pb
from readback.conversation.v1 import entry_pb2

from cli.calls.call_client import CallClient, TurnReport
from cli.calls.placing import CallerLine, place_call
from cli.errors import CommandError
from mesh.errors import status_for
from services.conversation.errors import ERRORS, CallRunning

pytestmark = pytest.mark.unit


class Service:
    """Starts and ends calls."""

    def __init__(self) -> None:
        self.running = False

    async def StartCall(self, request: pb.StartCallRequest) -> pb.StartCallResponse:
        if self.running and not request.end_running_call:
            status = rpc_status.to_status(status_for(CallRunning("call", "conversation"), ERRORS))
            trailing = grpc.aio.Metadata(*status.trailing_metadata)
            raise grpc.aio.AioRpcError(status.code, grpc.aio.Metadata(), trailing, status.details)
        return pb.StartCallResponse(call=pb.Call(call_id="call"))

    async def EndCall(self, request: pb.EndCallRequest) -> pb.EndCallResponse:
        return pb.EndCallResponse(call=pb.Call(end_reason=entry_pb2.CALL_END_REASON_AGENT_HUNG_UP))


class Report:
    """Records its events."""

    def __init__(self) -> None:
        self.events: list[str] = []

    def connected(self, conversation_id: str, connect_ms: float) -> None:
        self.events.append("connected")

    def greeted(self, turn: Any) -> None:
        self.events.append("greeted")

    def turn(self, turn: Any) -> None:
        self.events.append(turn.said)

    def ended(self, reason: str) -> None:
        self.events.append(reason)


class Answering(CallClient):
    """A client in an empty room that gets an answer at once."""

    def __init__(self) -> None:
        super().__init__(SimpleNamespace(remote_participants={}))  # type: ignore[arg-type]  # the room isn't used

    async def wait_for_greeting(self, timeout: float = 30) -> TurnReport:
        return TurnReport("", "", "Hello.")

    async def type(self, text: str, *, timeout: float = 30) -> TurnReport:
        return TurnReport(text, text, "Yes.")

    def hang_up_on(self) -> None:
        """Close the room, too long ago for another agent to take over."""
        self._disconnected()
        self._ended_at -= 60


@pytest.fixture
async def caller(monkeypatch: pytest.MonkeyPatch) -> Answering:
    made = Answering()

    @asynccontextmanager
    async def join(*_: object, **__: object) -> AsyncIterator[CallClient]:
        yield made

    monkeypatch.setattr(CallClient, "join", join)
    return made


async def test_a_call_that_ends_before_the_next_line_reports_its_end(caller: Answering) -> None:
    let_go = asyncio.Event()

    async def lines() -> AsyncIterator[CallerLine]:
        yield CallerLine("thanks, bye")
        caller.hang_up_on()
        try:
            await asyncio.Event().wait()
        finally:
            let_go.set()

    report = Report()
    async with asyncio.timeout(10):
        await place_call(Service(), "conversation", lines(), report)  # type: ignore[arg-type]  # the methods that a call needs
    assert report.events == ["connected", "greeted", "thanks, bye", "AGENT_HUNG_UP"]
    assert let_go.is_set()


async def test_every_line_is_sent_and_the_call_ends_after_the_last(caller: Answering) -> None:
    async def lines() -> AsyncIterator[CallerLine]:
        yield CallerLine("one")
        yield CallerLine("two")

    report = Report()
    await place_call(Service(), "conversation", lines(), report)  # type: ignore[arg-type]  # the methods that a call needs
    assert report.events == ["connected", "greeted", "one", "two", "AGENT_HUNG_UP"]


async def test_running_call_is_ended_only_if_asked(caller: Answering) -> None:
    async def lines() -> AsyncIterator[CallerLine]:
        yield CallerLine("one")

    service, report = Service(), Report()
    service.running = True
    with pytest.raises(CommandError, match="--end-running"):
        await place_call(service, "conversation", lines(), report)  # type: ignore[arg-type]  # as above
    assert report.events == []
    await place_call(service, "conversation", lines(), report, end_running=True)  # type: ignore[arg-type]  # as above
    assert report.events[:2] == ["connected", "greeted"]
