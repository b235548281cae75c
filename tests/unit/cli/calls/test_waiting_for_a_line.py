"""What a call does between two lines: it waits for the next, and no longer than itself."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from types import SimpleNamespace
from typing import Any

import pytest
from readback.conversation.v1 import conversation_service_pb2 as pb

from cli.calls.call_client import CallClient, TurnReport
from cli.calls.placing import CallerLine, TypedLine, place_call

pytestmark = pytest.mark.unit


class Service:
    """Starts and ends calls."""

    async def StartCall(self, request: pb.StartCallRequest) -> pb.StartCallResponse:
        return pb.StartCallResponse(call=pb.Call(call_id="call"))

    async def EndCall(self, request: pb.EndCallRequest) -> pb.EndCallResponse:
        return pb.EndCallResponse(call=pb.Call(end_reason=pb.CALL_END_REASON_AGENT_HUNG_UP))


class Report:
    """Remembers."""

    def __init__(self) -> None:
        self.told: list[str] = []

    def connected(self, conversation_id: str, connect_ms: float) -> None:
        self.told.append("connected")

    def greeted(self, turn: Any) -> None:
        self.told.append("greeted")

    def turn(self, turn: Any) -> None:
        self.told.append(turn.said)

    def ended(self, reason: str) -> None:
        self.told.append(reason)


class Answering(CallClient):
    """A caller in a room without anybody, who is answered at once."""

    def __init__(self) -> None:
        super().__init__(SimpleNamespace(remote_participants={}))  # type: ignore[arg-type]  # the room isn't spoken in

    async def wait_for_greeting(self, timeout: float = 30) -> TurnReport:
        return TurnReport("", "", "Hello.")

    async def type(self, text: str, *, timeout: float = 30) -> TurnReport:
        return TurnReport(text, text, "Yes.")

    def hang_up_on(self) -> None:
        """The room is closed, so long ago that nobody comes back."""
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


async def test_a_call_that_ends_while_a_line_is_waited_for_is_over_and_says_why(caller: Answering) -> None:
    let_go = asyncio.Event()

    async def lines() -> AsyncIterator[CallerLine]:
        yield TypedLine("thanks, bye")
        caller.hang_up_on()
        try:
            await asyncio.Event().wait()
        finally:
            let_go.set()

    report = Report()
    async with asyncio.timeout(10):
        await place_call(Service(), "conversation", lines(), report)  # type: ignore[arg-type]  # as much of the service as a call needs
    assert report.told == ["connected", "greeted", "thanks, bye", "AGENT_HUNG_UP"]
    assert let_go.is_set()


async def test_every_line_is_said_and_the_end_of_the_lines_is_the_end_of_the_call(caller: Answering) -> None:
    async def lines() -> AsyncIterator[CallerLine]:
        yield TypedLine("one")
        yield TypedLine("two")

    report = Report()
    await place_call(Service(), "conversation", lines(), report)  # type: ignore[arg-type]  # as much of the service as a call needs
    assert report.told == ["connected", "greeted", "one", "two", "AGENT_HUNG_UP"]
