"""Watchers: `Watch` streams with as little overhead as possible in Python."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Any

import grpc
from readback.conversation.v1 import conversation_service_pb2 as pb
from readback.conversation.v1 import entry_pb2
from readback.conversation.v1.conversation_service_pb2_grpc import ConversationServiceStub

from bench.transcript_log.load.writers import Writer
from bench.transcript_log.testbed.testbed import Metadata, own_connection
from mesh.calling.channel import streaming


class WatchFailed(Exception):
    """A watch ended unexpectedly."""


def entries_of(response: pb.WatchResponse) -> Sequence[entry_pb2.Entry]:
    """Return the entries of a message: one, a batch, or none."""
    if response.HasField("entries"):
        return response.entries.entries
    return [response.entry] if response.HasField("entry") else []


async def next_of(stream: Any) -> pb.WatchResponse:
    """Return the next message.

    Raises:
        WatchFailed: the stream ended, or the message announces the end of the watch.
    """
    response = await stream.read()
    if response is grpc.aio.EOF or response.HasField("end"):
        raise WatchFailed(response)
    found: pb.WatchResponse = response
    return found


@asynccontextmanager
async def watch(
    channel: grpc.aio.Channel, metadata: Metadata, conversation_id: str, *, include_live: bool = False
) -> AsyncIterator[Any]:
    """Watch a conversation from its beginning."""
    request = pb.WatchRequest(conversation_id=conversation_id, include_live=include_live)
    async with streaming(ConversationServiceStub(channel).Watch(request, metadata=metadata)) as stream:
        yield stream


async def catch_up(stream: Any) -> int:
    """Read all stored entries and return their number."""
    count = 0
    while not (response := await next_of(stream)).HasField("caught_up"):
        count += len(entries_of(response))
    return count


async def read_all(stream: Any) -> None:
    """Read and discard messages until cancelled."""
    while True:
        await next_of(stream)


class Audience:
    """Watchers of one conversation. They record the time at which an entry reaches each of them."""

    def __init__(self, size: int) -> None:
        self._size = size
        self._arrivals: list[float] = []
        self._all_arrived = asyncio.Event()

    @asynccontextmanager
    async def following(self, address: str, writer: Writer, connections: int) -> AsyncIterator[None]:
        """Follow a writer's conversation during the block, at whose beginning all watchers are caught up."""
        async with AsyncExitStack() as stack:
            enter = stack.enter_async_context
            channels = [await enter(own_connection(address)) for _ in range(connections)]
            metadata, conversation_id = writer.customer.metadata, writer.conversation_id
            streams = [
                await enter(watch(channels[index % connections], metadata, conversation_id))
                for index in range(self._size)
            ]
            await asyncio.gather(*map(catch_up, streams))
            async with asyncio.TaskGroup() as group:
                tasks = [group.create_task(self._follow(stream)) for stream in streams]
                yield
                for task in tasks:
                    task.cancel()

    async def arrivals(self) -> list[float]:
        """Wait until the next entry has reached all watchers; return its arrivals in `time.perf_counter`."""
        await self._all_arrived.wait()
        self._all_arrived.clear()
        arrivals, self._arrivals = self._arrivals, []
        return arrivals

    async def _follow(self, stream: Any) -> None:
        while True:
            found = entries_of(await next_of(stream))
            now = time.perf_counter()
            self._arrivals += [now] * len(found)
            if len(self._arrivals) >= self._size:
                self._all_arrived.set()
