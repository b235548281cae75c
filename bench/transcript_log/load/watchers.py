"""Those who follow: `Watch` streams, as lean as Python allows."""

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
from bench.transcript_log.testbed.customers import Metadata, own_connection
from mesh.calling.channel import streaming


class WatchFailed(Exception):
    """A watch ended that should not have."""


def entries_of(response: pb.WatchResponse) -> Sequence[entry_pb2.Entry]:
    """The entries in a message: one, a batch, or none."""
    if response.HasField("entries"):
        return response.entries.entries
    return [response.entry] if response.HasField("entry") else []


async def next_of(stream: Any) -> pb.WatchResponse:
    """The next message.

    Raises:
        WatchFailed: there is none, or it says that the watch ends.
    """
    response = await stream.read()
    if response is grpc.aio.EOF or response.HasField("end"):
        raise WatchFailed(response)
    found: pb.WatchResponse = response
    return found


@asynccontextmanager
async def watch(channel: grpc.aio.Channel, metadata: Metadata, conversation_id: str) -> AsyncIterator[Any]:
    """A watch of a conversation from its beginning."""
    request = pb.WatchRequest(conversation_id=conversation_id)
    async with streaming(ConversationServiceStub(channel).Watch(request, metadata=metadata)) as stream:
        yield stream


async def catch_up(stream: Any) -> int:
    """Reads until everything stored has come; gives how many entries that was."""
    count = 0
    while not (response := await next_of(stream)).HasField("caught_up"):
        count += len(entries_of(response))
    return count


class Audience:
    """Watchers that say when an entry has reached each of them."""

    def __init__(self, size: int) -> None:
        self._size = size
        self._arrivals: list[float] = []
        self._all_here = asyncio.Event()

    @asynccontextmanager
    async def following(self, address: str, writer: Writer, connections: int) -> AsyncIterator[None]:
        """Follows a writer's conversation while the block lasts, caught up when it begins."""
        async with AsyncExitStack() as stack:
            channels = [await stack.enter_async_context(own_connection(address)) for _ in range(connections)]
            streams = [
                await stack.enter_async_context(
                    watch(channels[index % connections], writer.customer.metadata, writer.conversation_id)
                )
                for index in range(self._size)
            ]
            await asyncio.gather(*map(catch_up, streams))
            async with asyncio.TaskGroup() as group:
                tasks = [group.create_task(self._follow(stream)) for stream in streams]
                yield
                for task in tasks:
                    task.cancel()

    async def reached(self) -> list[float]:
        """Waits until the next entry has come to all; when it came to each, by `time.perf_counter`."""
        await self._all_here.wait()
        self._all_here.clear()
        arrivals, self._arrivals = self._arrivals, []
        return arrivals

    async def _follow(self, stream: Any) -> None:
        while True:
            found = entries_of(await next_of(stream))
            now = time.perf_counter()
            self._arrivals += [now] * len(found)
            if len(self._arrivals) >= self._size:
                self._all_here.set()
