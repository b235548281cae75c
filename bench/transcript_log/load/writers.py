"""Writers: `Record` streams with a window of unacknowledged messages, with little overhead in Python."""

from __future__ import annotations

import asyncio
import time
from collections import deque
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

from google.protobuf.timestamp_pb2 import Timestamp
from readback.conversation.v1 import entry_pb2
from readback.internal.conversation.v1 import call_record_service_pb2 as call_record
from readback.internal.conversation.v1.call_record_service_pb2_grpc import CallRecordServiceStub

from bench.transcript_log.load.load_result import LoadResult
from bench.transcript_log.load.sample_turns import Turn, sample_turns
from bench.transcript_log.testbed.testbed import Customer, Server, Testbed, own_connection
from mesh.calling.channel import streaming
from mesh.ids import uuid7

OPENED_IN_PARALLEL = 16


class WriteFailed(Exception):
    """The service refused a turn or ended the stream."""


@dataclass(slots=True)
class Writer:
    """One agent in one call."""

    customer: Customer
    conversation_id: str
    stream: Any
    turns: Iterator[Turn]
    sent: int = 0
    waits: list[float] = field(default_factory=list)
    _unacked: deque[tuple[int, float]] = field(default_factory=deque)

    async def send(self, batch: int = 1) -> None:
        """Send the next turns in one message."""
        now = Timestamp()
        now.GetCurrentTime()
        append = call_record.RecordAppend()
        for _ in range(batch):
            self.sent += 1
            turn, entry_id = next(self.turns), uuid7()
            utterance = entry_pb2.Utterance(
                utterance_id=entry_id,
                speaker=turn.speaker,
                modality=entry_pb2.MODALITY_VOICE,
                text=turn.text,
                sealing=entry_pb2.SEALING_FINAL,
            )
            append.drafts.add(
                client_sequence=self.sent,
                entry_id=entry_id,
                start_time=now,
                end_time=now,
                utterance=utterance,
            )
        self._unacked.append((self.sent, time.perf_counter()))
        await self.stream.write(call_record.RecordRequest(append=append))

    async def revise(self, utterance_id: str, text: str) -> None:
        """Send the next revision of an open utterance."""
        self.sent += 1
        append = call_record.RecordAppend()
        draft = append.drafts.add(client_sequence=self.sent, entry_id=utterance_id)
        draft.start_time.GetCurrentTime()
        draft.open_utterance.CopyFrom(
            call_record.OpenUtterance(
                utterance_id=utterance_id,
                speaker=entry_pb2.SPEAKER_AGENT,
                modality=entry_pb2.MODALITY_VOICE,
                text=text,
                revision=self.sent,
            )
        )
        self._unacked.append((self.sent, time.perf_counter()))
        await self.stream.write(call_record.RecordRequest(append=append))

    async def wait_for_ack(self) -> int:
        """Wait for the next ack and return the number of messages it covers.

        Raises:
            WriteFailed: the next response is not an ack.
        """
        response = await self.stream.read()
        if not isinstance(response, call_record.RecordResponse) or not response.HasField("ack"):
            raise WriteFailed(response)
        now, covered = time.perf_counter(), 0
        while self._unacked and self._unacked[0][0] <= response.ack.through_client_sequence:
            self.waits.append(now - self._unacked.popleft()[1])
            covered += 1
        return covered

    async def write_until(self, deadline: float, window: int, batch: int) -> None:
        """Write until the deadline, with `window` open messages of `batch` turns; then wait for all acks."""
        for _ in range(window):
            await self.send(batch)
        open_messages = window
        while open_messages:
            covered = await self.wait_for_ack()
            open_messages -= covered
            if time.perf_counter() < deadline:
                for _ in range(covered):
                    await self.send(batch)
                open_messages += covered

    async def write(self, count: int, *, window: int = 8, batch: int = 64) -> None:
        """Write `count` turns and wait until they are stored."""
        left, open_messages = count, 0
        while left or open_messages:
            while left and open_messages < window:
                await self.send(min(batch, left))
                left -= min(batch, left)
                open_messages += 1
            open_messages -= await self.wait_for_ack()


@asynccontextmanager
async def writers(
    bed: Testbed, server: Server, count: int, *, customers: Sequence[Customer] = (), first_seed: int = 0
) -> AsyncIterator[list[Writer]]:
    """Open `count` calls with one writer each, and end them at the end of the block.

    Each call has its own customer, new unless `customers` are given, and its own conversation. The seeds of
    the conversations are consecutive.
    """
    places = asyncio.Semaphore(OPENED_IN_PARALLEL)
    async with AsyncExitStack() as stack:

        async def open_one(index: int) -> Writer:
            async with places:
                customer = customers[index] if customers else await bed.new_customer()
                return await _open_writer(stack, bed, server, customer, first_seed + index)

        opened = await asyncio.gather(*map(open_one, range(count)))
        yield opened
        hang_up = call_record.RecordRequest(
            close=call_record.RecordClose(reason=entry_pb2.CALL_END_REASON_AGENT_HUNG_UP)
        )
        for writer in opened:
            await writer.stream.write(hang_up)


async def _open_writer(
    stack: AsyncExitStack, bed: Testbed, server: Server, customer: Customer, seed: int
) -> Writer:
    """Open a `Record` stream for a new call, on its own connection."""
    channel = await stack.enter_async_context(own_connection(server.address))
    call = await customer.start_call(channel)
    stream: Any = CallRecordServiceStub(channel).Record(metadata=await bed.agent_metadata())
    await stack.enter_async_context(streaming(stream))
    opening = call_record.RecordOpen(call_id=call.call_id, epoch=call.epoch, writer_id=uuid7())
    await stream.write(call_record.RecordRequest(open=opening))
    response = await stream.read()
    if not isinstance(response, call_record.RecordResponse) or not response.HasField("opened"):
        raise WriteFailed(response)
    return Writer(customer, call.conversation_id, stream, sample_turns(seed))


async def run_load(fleet: Sequence[Writer], seconds: float, *, window: int, batch: int = 1) -> LoadResult:
    """Write with all writers for some seconds."""
    for writer in fleet:
        writer.waits.clear()
    began, sent = time.perf_counter(), sum(writer.sent for writer in fleet)
    await asyncio.gather(*(writer.write_until(began + seconds, window, batch) for writer in fleet))
    took = time.perf_counter() - began
    turns = sum(writer.sent for writer in fleet) - sent
    return LoadResult(turns, took, [wait for writer in fleet for wait in writer.waits])
