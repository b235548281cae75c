"""Floors: times of the disk, the loopback and `grpc.aio` alone, measured in the same run.

No design of the log can be faster than these.
"""

from __future__ import annotations

import asyncio
import os
import socket
import statistics
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import grpc
from readback.conversation.v1 import conversation_service_pb2 as pb
from readback.conversation.v1 import entry_pb2
from readback.internal.conversation.v1 import call_record_service_pb2 as call_record

from bench.transcript_log.interleaved_rounds import Spread
from bench.transcript_log.load.sample_turns import sample_turns
from bench.transcript_log.testbed.floor_server import SERVICE
from bench.transcript_log.testbed.processes import SERVING, process
from bench.transcript_log.testbed.testbed import Testbed, own_connection
from mesh.calling.channel import streaming
from mesh.ids import uuid7
from tests.product import environment_for, free_ports

BLOCK = bytes(512)
STREAM_MESSAGES = 2000
"""Messages of one server stream."""


@dataclass(frozen=True, slots=True)
class Floors:
    """The floors. Each method repeats its operation for `seconds` and returns the median time in seconds."""

    folder: Path
    tcp_port: int
    channel: grpc.aio.Channel
    seconds: float

    def fdatasync(self) -> float:
        """Measure a durable write of 512 bytes to the disk."""
        path = self.folder / "fdatasync"
        descriptor = os.open(path, os.O_CREAT | os.O_WRONLY)
        try:

            def once() -> None:
                os.write(descriptor, BLOCK)
                os.fdatasync(descriptor)

            return self._median(once)
        finally:
            os.close(descriptor)
            path.unlink()

    def tcp_echo(self) -> float:
        """Measure a round trip of 100 bytes on the loopback."""
        with socket.create_connection(("127.0.0.1", self.tcp_port)) as connection:
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

            def once() -> None:
                connection.sendall(BLOCK[:100])
                connection.recv(4096)

            return self._median(once)

    async def unary(self) -> float:
        """Measure a turn and its ack as a unary call."""
        call: Any = self.channel.unary_unary(
            f"/{SERVICE}/Unary",
            call_record.RecordRequest.SerializeToString,
            call_record.RecordResponse.FromString,
        )
        request = _turn_message()
        return await self._median_async(lambda: call(request))

    async def ping_pong(self) -> float:
        """Measure a turn and its ack on an open stream."""
        call: Any = self.channel.stream_stream(
            f"/{SERVICE}/PingPong",
            call_record.RecordRequest.SerializeToString,
            call_record.RecordResponse.FromString,
        )
        request = _turn_message()
        async with streaming(call()) as stream:

            async def once() -> None:
                await stream.write(request)
                await stream.read()

            return await self._median_async(once)

    async def stream_rate(self) -> float:
        """Return the entries per second of one server stream with one message per entry."""
        call: Any = self.channel.unary_stream(
            f"/{SERVICE}/Entries", entry_pb2.Entry.SerializeToString, pb.WatchResponse.FromString
        )
        began = time.perf_counter()
        async with streaming(call(_entry(STREAM_MESSAGES))) as stream:
            while await stream.read() is not grpc.aio.EOF:
                pass
        return STREAM_MESSAGES / (time.perf_counter() - began)

    def _median(self, once: Callable[[], None]) -> float:
        times, deadline = [], time.perf_counter() + self.seconds
        while (began := time.perf_counter()) < deadline:
            once()
            times.append(time.perf_counter() - began)
        return statistics.median(times)

    async def _median_async(self, once: Callable[[], Awaitable[object]]) -> float:
        times, deadline = [], time.perf_counter() + self.seconds
        while (began := time.perf_counter()) < deadline:
            await once()
            times.append(time.perf_counter() - began)
        return statistics.median(times)


def _turn_message() -> call_record.RecordRequest:
    """Return one turn as a writer sends it."""
    turn, entry_id = next(sample_turns(0)), uuid7()
    utterance = entry_pb2.Utterance(utterance_id=entry_id, speaker=turn.speaker, text=turn.text)
    draft = call_record.Draft(client_sequence=1, entry_id=entry_id, utterance=utterance)
    draft.start_time.GetCurrentTime()
    draft.end_time.GetCurrentTime()
    return call_record.RecordRequest(append=call_record.RecordAppend(drafts=[draft]))


def _entry(number: int) -> entry_pb2.Entry:
    """Return one entry as a watcher receives it."""
    draft = _turn_message().append.drafts[0]
    return entry_pb2.Entry(
        number=number,
        entry_id=draft.entry_id,
        conversation_id=uuid7(),
        call_id=uuid7(),
        utterance=draft.utterance,
        start_time=draft.start_time,
        end_time=draft.start_time,
        commit_time=draft.start_time,
    )


@asynccontextmanager
async def running_floors(bed: Testbed) -> AsyncIterator[Floors]:
    """Run the floors' own server during the block."""
    port, tcp_port = free_ports(2)
    command = ("-m", "bench.transcript_log.testbed.floor_server", str(port), str(tcp_port))
    environment, log = environment_for(bed.home), bed.folder / "floor_server.log"
    serving = process(*command, environment=environment, port=port, log=log, core=SERVING)
    async with serving, own_connection(f"127.0.0.1:{port}") as channel:
        await channel.channel_ready()
        yield Floors(bed.folder, tcp_port, channel, min(0.5, bed.effort.seconds / 2))


async def measure(bed: Testbed) -> dict[str, Spread]:
    """Measure every floor."""
    async with running_floors(bed) as floors:
        sides: dict[str, Callable[[], Awaitable[float]]] = {
            "fdatasync_us": partial(asyncio.to_thread, floors.fdatasync),
            "tcp_echo_us": partial(asyncio.to_thread, floors.tcp_echo),
            "grpc_unary_us": floors.unary,
            "grpc_stream_ping_pong_us": floors.ping_pong,
            "grpc_server_stream_msgs_s": floors.stream_rate,
        }
        rounds = await bed.compare("floors", sides)
    return {name: rounds.of(name, partial(_in_unit, name)) for name in sides}


def _in_unit(name: str, value: float) -> float:
    """Convert seconds to microseconds if the name ends in `_us`."""
    return value * 1e6 if name.endswith("_us") else value
