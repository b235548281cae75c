"""Places a call: a conversation, a room, a participant that says its lines, and a tidy end."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from readback.conversation.v1 import conversation_service_pb2 as conversation
from readback.conversation.v1.conversation_service_pb2_grpc import ConversationServiceStub

from cli.account.acting_account import Account
from cli.calls.call_client import Caller, CallFailed, TurnReport
from cli.errors import CommandError
from cli.rendering.call_output import CallReport
from mesh.calling.channel import open_channel
from mesh.ids import uuid7
from mesh.settings import MeshSettings

if TYPE_CHECKING:
    from readback.conversation.v1.conversation_service_pb2_grpc import ConversationServiceAsyncStub

    from agent.speech.audio import Samples

DESCRIPTOR = conversation.DESCRIPTOR.services_by_name["ConversationService"]


class Utterance(Protocol):
    """Something to say, ready to be said."""

    async def say(self, caller: Caller) -> TurnReport:
        """Says it and waits for the answer."""
        ...


@dataclass(frozen=True, slots=True)
class Spoken:
    """Something to say aloud."""

    said: str
    samples: Samples
    """16 kHz."""

    async def say(self, caller: Caller) -> TurnReport:
        """Speaks it."""
        return await caller.speak(self.samples, self.said)


@dataclass(frozen=True, slots=True)
class Typed:
    """A line to type."""

    text: str

    async def say(self, caller: Caller) -> TurnReport:
        """Types it."""
        return await caller.type(self.text)


@dataclass(frozen=True, slots=True)
class PlacedCall:
    """A call that has been asked for and not joined yet."""

    call: conversation.Call
    access: conversation.CallAccess


@asynccontextmanager
async def conversations(
    settings: MeshSettings, account: Account
) -> AsyncIterator[ConversationServiceAsyncStub]:
    """A way to the conversation service in the account's name."""
    async with open_channel(settings.address_of("conversation"), DESCRIPTOR, tokens=account.token) as channel:
        yield ConversationServiceStub(channel)


@asynccontextmanager
async def _ended_properly(
    stub: ConversationServiceAsyncStub, conversation_id: str, report: CallReport
) -> AsyncIterator[PlacedCall]:
    """A new call, which is over when the block is left, whatever happens in it."""
    answer = await stub.StartCall(conversation.StartCallRequest(conversation_id=conversation_id))
    try:
        yield PlacedCall(answer.call, answer.access)
    finally:
        over = await stub.EndCall(
            conversation.EndCallRequest(call_id=answer.call.call_id, request_id=uuid7())
        )
        report.ended(conversation.CallEndReason.Name(over.call.end_reason).removeprefix("CALL_END_REASON_"))


@asynccontextmanager
async def conversation_of(
    stub: ConversationServiceAsyncStub, account: Account, conversation_id: str | None
) -> AsyncIterator[str]:
    """The conversation to call in: the one given, or a new one, which is deleted afterwards where its account is."""
    if conversation_id is not None:
        yield conversation_id
        return
    answer = await stub.StartConversation(conversation.StartConversationRequest(request_id=uuid7()))
    begun = answer.conversation.conversation_id
    try:
        yield begun
    finally:
        if account.throw_away:
            await stub.DeleteConversation(
                conversation.DeleteConversationRequest(conversation_id=begun, request_id=uuid7())
            )


async def place(
    stub: ConversationServiceAsyncStub,
    conversation_id: str,
    lines: AsyncIterator[Utterance],
    report: CallReport,
    *,
    microphone: bool = True,
) -> Samples:
    """Calls, says each line after the agent has finished, and gives what was heard, at `cli.calls.earpiece.HEARD_RATE`.

    A call that ends while the next line is waited for is over, and nothing has failed.

    Raises:
        CommandError: the call could not be had, or ended before a line was answered.
    """
    began = time.monotonic()
    try:
        async with (
            _ended_properly(stub, conversation_id, report) as placed,
            Caller.joined(
                placed.access.livekit_url, placed.access.livekit_token, microphone=microphone
            ) as caller,
        ):
            report.connected(conversation_id, (time.monotonic() - began) * 1000)
            report.greeted(await caller.greeted())
            while line := await _next(lines, caller):
                report.turn(await line.say(caller))
            return caller.heard()
    except CallFailed as error:
        raise CommandError(f"The call failed: {error}.") from None


async def _next(lines: AsyncIterator[Utterance], caller: Caller) -> Utterance | None:
    """The next line to say; None when there is none, or nobody left to say it to."""
    line = asyncio.ensure_future(anext(lines, None))
    lost = asyncio.create_task(caller.lost())
    try:
        await asyncio.wait((line, lost), return_when=asyncio.FIRST_COMPLETED)
        return line.result() if line.done() else None
    finally:
        line.cancel()
        lost.cancel()
        await asyncio.gather(line, lost, return_exceptions=True)
