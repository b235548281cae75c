"""What can't be beaten: the disk, the loopback and `grpc.aio` itself, measured in the same minutes as everything else."""

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

from bench.transcript_log.interleaved_rounds import Spread, interleaved
from bench.transcript_log.load.sample_turns import turns
from bench.transcript_log.testbed.cores import SERVING
from bench.transcript_log.testbed.customers import own_connection
from bench.transcript_log.testbed.floor_server import SERVICE
from bench.transcript_log.testbed.processes import process
from bench.transcript_log.testbed.testbed import Stage
from mesh.calling.channel import streaming
from mesh.ids import uuid7
from tests.product import environment_for, free_ports

BLOCK = bytes(512)
STREAMED = 2000
"""Messages of one server stream."""


@dataclass(frozen=True, slots=True)
class Floors:
    """Ways to measure them; times in seconds, the median of as many as fit."""

    folder: Path
    tcp_port: int
    channel: grpc.aio.Channel
    seconds: float

    def fdatasync(self) -> float:
        """Writing 512 bytes to the disk for good."""
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
        """100 bytes there and back on the loopback."""
        with socket.create_connection(("127.0.0.1", self.tcp_port)) as connection:
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

            def once() -> None:
                connection.sendall(BLOCK[:100])
                connection.recv(4096)

            return self._median(once)

    async def unary(self) -> float:
        """A turn there and an ack back, as one call."""
        call: Any = self.channel.unary_unary(
            f"/{SERVICE}/Unary", pb.RecordRequest.SerializeToString, pb.RecordResponse.FromString
        )
        request = turn_message()
        return await self._median_of(lambda: call(request))

    async def ping_pong(self) -> float:
        """A turn there and an ack back, on one stream."""
        call: Any = self.channel.stream_stream(
            f"/{SERVICE}/PingPong", pb.RecordRequest.SerializeToString, pb.RecordResponse.FromString
        )
        request = turn_message()
        async with streaming(call()) as stream:

            async def once() -> None:
                await stream.write(request)
                await stream.read()

            return await self._median_of(once)

    async def stream_rate(self) -> float:
        """Entries a second that one server stream brings, each in a message of its own."""
        call: Any = self.channel.unary_stream(
            f"/{SERVICE}/Entries", entry_pb2.Entry.SerializeToString, pb.WatchResponse.FromString
        )
        began = time.perf_counter()
        async with streaming(call(an_entry(STREAMED))) as stream:
            while await stream.read() is not grpc.aio.EOF:
                pass
        return STREAMED / (time.perf_counter() - began)

    def _median(self, once: Callable[[], None]) -> float:
        times, deadline = [], time.perf_counter() + self.seconds
        while (began := time.perf_counter()) < deadline:
            once()
            times.append(time.perf_counter() - began)
        return statistics.median(times)

    async def _median_of(self, once: Callable[[], Awaitable[object]]) -> float:
        times, deadline = [], time.perf_counter() + self.seconds
        while (began := time.perf_counter()) < deadline:
            await once()
            times.append(time.perf_counter() - began)
        return statistics.median(times)


def turn_message() -> pb.RecordRequest:
    """One turn, as a writer hands it in."""
    turn, entry_id = next(turns(0)), uuid7()
    draft = entry_pb2.Draft(client_sequence=1, entry_id=entry_id)
    draft.utterance.MergeFrom(
        entry_pb2.Utterance(utterance_id=entry_id, speaker=turn.speaker, text=turn.text)
    )
    draft.start_time.GetCurrentTime()
    draft.end_time.GetCurrentTime()
    return pb.RecordRequest(append=pb.RecordAppend(drafts=[draft]))


def an_entry(number: int) -> entry_pb2.Entry:
    """One entry, as a watcher gets it."""
    draft = turn_message().append.drafts[0]
    entry = entry_pb2.Entry(
        number=number,
        entry_id=draft.entry_id,
        conversation_id=uuid7(),
        call_id=uuid7(),
        utterance=draft.utterance,
    )
    for time_of in (entry.start_time, entry.end_time, entry.commit_time):
        time_of.CopyFrom(draft.start_time)
    return entry


@asynccontextmanager
async def floors(stage: Stage) -> AsyncIterator[Floors]:
    """The floors' own server, while the block lasts."""
    port, tcp_port = free_ports(2)
    command = ("-m", "bench.transcript_log.testbed.floor_server", str(port), str(tcp_port))
    log = stage.folder / "floor_server.log"
    serving = process(*command, environment=environment_for(stage.home), port=port, log=log, core=SERVING)
    async with serving, own_connection(f"127.0.0.1:{port}") as channel:
        await channel.channel_ready()
        yield Floors(stage.folder, tcp_port, channel, min(0.5, stage.effort.seconds / 2))


async def measured(stage: Stage) -> dict[str, Spread]:
    """Every floor, for the table."""
    async with floors(stage) as floor:

        async def in_thread(measure: Callable[[], float]) -> float:
            return await asyncio.to_thread(measure)

        arms: dict[str, Callable[[], Awaitable[float]]] = {
            "fdatasync_us": lambda: in_thread(floor.fdatasync),
            "tcp_echo_us": lambda: in_thread(floor.tcp_echo),
            "grpc_unary_us": floor.unary,
            "grpc_stream_ping_pong_us": floor.ping_pong,
            "grpc_server_stream_msgs_s": floor.stream_rate,
        }
        rounds = await interleaved(arms, stage.effort.rounds, done=lambda: stage.say("floors"))
    return {name: rounds.of(name, partial(_scaled, name)) for name in arms}


def _scaled(name: str, value: float) -> float:
    """Convert seconds to microseconds where the figure's name says so."""
    return value * 1e6 if name.endswith("_us") else value
