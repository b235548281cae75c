"""Writers: agents with the client's recorder over a channel that records everything."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING
from uuid import uuid4

import grpc
from readback.conversation.v1 import conversation_service_pb2 as pb
from readback.conversation.v1 import entry_pb2
from readback.internal.conversation.v1 import call_record_service_pb2 as call_record
from readback.internal.conversation.v1.call_record_service_pb2_grpc import CallRecordServiceStub

from mesh.clock import SystemClock, timestamp
from mesh.errors import reason_of
from mesh.ids import uuid7
from services.conversation.client.recorder import CallOver, Recorder
from tests.chaos.deployment import Deployment
from tests.chaos.recorded_channel import appending, recording
from tests.chaos.unary_calls import TRANSIENT, until_answered
from tests.integration.conversation.mesh import Customer

if TYPE_CHECKING:
    from readback.internal.conversation.v1.call_record_service_pb2_grpc import CallRecordServiceAsyncStub

AGENT, CUSTOMER = entry_pb2.SPEAKER_AGENT, entry_pb2.SPEAKER_CUSTOMER
WINDOW = 16
"""Most unacknowledged sentences."""
GROUP = 3
"""Drafts in a unary `Append`."""


@dataclass
class ConversationWriter:
    """Writer of one conversation; a new agent takes over when the service declares one lost."""

    deployment: Deployment
    customer: Customer
    conversation_id: str
    name: str
    pause: float = 0.01
    """Average seconds between two sentences."""
    target: str = ""
    """Address of the service for the agents, if not the cluster's."""
    append_share: float = 0.1
    """Share of turns in which several entries are sent in one unary `Append`."""
    words: str = "and so on"
    sentences: int = 0
    agents: int = 0
    """Number of agents that took the call so far."""

    async def speak(self, enough: asyncio.Event) -> None:
        """Write until `enough` is set and everything is acknowledged."""
        while not await self._agent(enough):
            pass

    async def _agent(self, enough: asyncio.Event) -> bool:
        """Run one agent; return whether it wrote to the end."""
        call = await self.running_call()
        self.agents += 1
        try:
            async with self.agent(call, f"agent {self.agents} of {self.name}") as (recorder, appender):
                return await self._speech(recorder, appender, enough)
        except CallOver:
            return False

    @asynccontextmanager
    async def agent(self, call: pb.Call, name: str) -> AsyncIterator[tuple[Recorder, Appender]]:
        """Take a call as an agent with a recorder and unary appends, both recorded under this name."""
        deployment, history, writer_id = self.deployment, self.deployment.history, str(uuid4())
        token = deployment.agent_token(self.customer.customer_id, call)
        async with (
            deployment.channel(deployment.service_token(), self.target) as own,
            deployment.channel(token, self.target) as delegated,
        ):
            stub = CallRecordServiceStub(recording(own, history, self.conversation_id, name))
            unary = appending(delegated, history, self.conversation_id, f"{name}, unary")
            async with Recorder(stub, call.call_id, call.epoch, writer_id) as recorder:
                yield recorder, Appender(self, CallRecordServiceStub(unary), call, writer_id)

    async def _speech(self, recorder: Recorder, appender: Appender, enough: asyncio.Event) -> bool:
        over = asyncio.ensure_future(recorder.over())
        try:
            while not over.done():
                if enough.is_set():
                    await recorder.flushed()
                    if not over.done():
                        await recorder.close(entry_pb2.CALL_END_REASON_AGENT_HUNG_UP)
                        return True
                    return False
                await self._sentence(recorder, appender)
            return False
        finally:
            over.cancel()

    async def _sentence(self, recorder: Recorder, appender: Appender) -> None:
        self.sentences += 1
        rng, spoken = self.deployment.rng, str(uuid4())
        if rng.random() < self.append_share:
            await appender.append()
        elif rng.random() < 0.2:
            recorder.tool_call(entry_pb2.ToolCall(tool_call_id=spoken, name="search_flights"))
            result = entry_pb2.ToolResult(tool_call_id=spoken, name="search_flights")
            result.outcome = entry_pb2.TOOL_OUTCOME_FOUND
            result.search_flights.done.result_count = self.sentences
            recorder.tool_result(result)
        else:
            speaker = rng.choice((AGENT, CUSTOMER))
            if rng.random() < 0.5:
                recorder.revise(spoken, speaker, f"sentence {self.sentences},")
                await asyncio.sleep(rng.uniform(0, self.pause))
            recorder.seal(spoken, speaker, f"sentence {self.sentences}, {self.words}")
        if self.sentences % WINDOW == 0:
            await recorder.flushed()
        await asyncio.sleep(rng.uniform(0, 2 * self.pause))

    async def running_call(self) -> pb.Call:
        """Return the conversation's running call; start one if there is none."""
        get = pb.GetConversationRequest(conversation_id=self.conversation_id)
        while True:
            found = await until_answered(lambda: self.customer.stub.GetConversation(get))
            if found.conversation.HasField("running_call"):
                return found.conversation.running_call
            try:
                # If the answer gets lost, the next round finds the call.
                start = pb.StartCallRequest(conversation_id=self.conversation_id, request_id=uuid7())
                return (await self.customer.stub.StartCall(start)).call
            except grpc.aio.AioRpcError as error:
                if error.code() not in TRANSIENT and reason_of(error) != "CALL_RUNNING":
                    raise


class Appender:
    """Appends groups of entries without a stream, as the same writer."""

    def __init__(
        self,
        writer: ConversationWriter,
        delegate: CallRecordServiceAsyncStub,
        call: pb.Call,
        writer_id: str,
    ) -> None:
        self._pen, self._delegate, self._call, self._writer_id = writer, delegate, call, writer_id
        self._sequence = 0

    async def append(self) -> None:
        """Append a group, repeated until answered; it is refused if the call is over."""
        drafts = [self._draft() for _ in range(GROUP)]
        request = call_record.AppendRequest(
            call_id=self._call.call_id, epoch=self._call.epoch, writer_id=self._writer_id, drafts=drafts
        )
        try:
            await until_answered(lambda: self._delegate.Append(request))
        except grpc.aio.AioRpcError:
            for draft in drafts:
                self._pen.deployment.history.fail(draft.entry_id)

    def _draft(self) -> call_record.Draft:
        self._sequence += 1
        entry_id, now = uuid7(), timestamp(SystemClock().now())
        utterance = entry_pb2.Utterance(
            utterance_id=entry_id,
            speaker=AGENT,
            modality=entry_pb2.MODALITY_TEXT,
            text=f"{self._pen.words}, {self._sequence}",
            sealing=entry_pb2.SEALING_FINAL,
        )
        return call_record.Draft(
            client_sequence=self._sequence,
            entry_id=entry_id,
            start_time=now,
            end_time=now,
            utterance=utterance,
        )
