"""Placing a call: start it, send each line after the agent has answered the previous one, and end it."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

import grpc
from readback.conversation.v1 import conversation_service_pb2 as conversation
from readback.conversation.v1 import entry_pb2
from readback.conversation.v1.conversation_service_pb2_grpc import ConversationServiceStub

from cli.account.acting_account import ActingAccount
from cli.calls.call_client import CallClient, CallFailed, TurnReport
from cli.errors import CommandError
from cli.rendering.call_output import CallOutput
from mesh.calling.channel import open_channel
from mesh.errors import reason_of
from mesh.ids import uuid7
from mesh.ip_addresses import reached_through
from mesh.settings import MeshSettings

if TYPE_CHECKING:
    from readback.conversation.v1.conversation_service_pb2_grpc import ConversationServiceAsyncStub

    from agent.speech.audio import Samples

DESCRIPTOR = conversation.DESCRIPTOR.services_by_name["ConversationService"]


@dataclass(frozen=True, slots=True)
class CallerLine:
    """One turn of the caller, spoken or typed."""

    text: str
    """The words, or the path of the recording."""
    samples: Samples | None = None
    """Speech at 16 kHz; if None, `text` is typed."""

    async def send(self, client: CallClient) -> TurnReport:
        """Speak or type the line and wait for the answer."""
        if self.samples is None:
            return await client.type(self.text)
        return await client.speak(self.samples, self.text)


@asynccontextmanager
async def conversation_stub(
    settings: MeshSettings, account: ActingAccount
) -> AsyncIterator[ConversationServiceAsyncStub]:
    """Connect to the conversation service with the account's token."""
    async with open_channel(settings.address_of("conversation"), DESCRIPTOR, tokens=account.token) as channel:
        yield ConversationServiceStub(channel)


@asynccontextmanager
async def conversation_for_call(
    stub: ConversationServiceAsyncStub, account: ActingAccount, conversation_id: str | None
) -> AsyncIterator[str]:
    """Yield the given conversation id, or start a conversation. Delete the new one afterwards for a guest."""
    if conversation_id is not None:
        yield conversation_id
        return
    answer = await stub.StartConversation(conversation.StartConversationRequest(request_id=uuid7()))
    new_id = answer.conversation.conversation_id
    try:
        yield new_id
    finally:
        if account.is_guest:
            deletion = conversation.DeleteConversationRequest(conversation_id=new_id, request_id=uuid7())
            await stub.DeleteConversation(deletion)


async def place_call(
    stub: ConversationServiceAsyncStub,
    conversation_id: str,
    lines: AsyncIterator[CallerLine],
    output: CallOutput,
    *,
    microphone: bool = True,
    end_running: bool = False,
    service_host: str | None = None,
) -> Samples:
    """Place a call, and send each line after the agent has answered the previous one.

    With `end_running`, end the account's running call first. If the call ends before all lines are sent, the
    remaining lines are skipped without an error. If the service names a LiveKit server on its own machine,
    that is reached at `service_host`.

    Returns:
        All audio of the agent, at `cli.calls.earpiece.RECORDING_RATE`.

    Raises:
        CommandError: the call could not be joined, no agent greeted the caller, or the call ended while a
            line waited for its answer.
    """
    began = time.monotonic()
    try:
        async with (
            _started_call(stub, conversation_id, output, end_running=end_running) as access,
            CallClient.join(
                reached_through(access.livekit_url, service_host), access.livekit_token, microphone=microphone
            ) as client,
        ):
            output.connected(conversation_id, (time.monotonic() - began) * 1000)
            output.greeted(await client.wait_for_greeting())
            while line := await _next_line(lines, client):
                output.turn(await line.send(client))
            return client.recording()
    except CallFailed as error:
        raise CommandError(f"The call failed: {error}.") from None


@asynccontextmanager
async def _started_call(
    stub: ConversationServiceAsyncStub, conversation_id: str, output: CallOutput, *, end_running: bool
) -> AsyncIterator[conversation.CallAccess]:
    """Start a call and yield the access to its room; end the call when the block ends."""
    start = conversation.StartCallRequest(
        conversation_id=conversation_id, end_running_call=end_running, request_id=uuid7()
    )
    try:
        answer = await stub.StartCall(start)
    except grpc.aio.AioRpcError as error:
        if reason_of(error) != "CALL_RUNNING":
            raise
        raise CommandError("You have a running call. End it first, or add --end-running.") from None
    try:
        yield answer.access
    finally:
        end = conversation.EndCallRequest(call_id=answer.call.call_id, request_id=uuid7())
        reason = (await stub.EndCall(end)).call.end_reason
        known = entry_pb2.CallEndReason.DESCRIPTOR.values_by_number.get(reason)  # newer services may add some
        output.ended(known.name.removeprefix("CALL_END_REASON_") if known else str(reason))


async def _next_line(lines: AsyncIterator[CallerLine], client: CallClient) -> CallerLine | None:
    """Return the next line; None after the last line, or if the call is lost before the line is ready."""
    line = asyncio.ensure_future(anext(lines, None))
    lost = asyncio.create_task(client.wait_until_lost())
    try:
        await asyncio.wait((line, lost), return_when=asyncio.FIRST_COMPLETED)
        return line.result() if line.done() else None
    finally:
        line.cancel()
        lost.cancel()
        await asyncio.gather(line, lost, return_exceptions=True)
