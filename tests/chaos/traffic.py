"""Traffic: conversations that continue during faults, and are validated afterwards."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

from readback.conversation.v1 import conversation_service_pb2 as pb

from mesh.ids import uuid7
from tests.chaos.deployment import Deployment
from tests.chaos.history import History
from tests.chaos.unary_calls import until_answered
from tests.chaos.validators import assert_sound
from tests.chaos.watchers import RecordedWatcher
from tests.chaos.writers import ConversationWriter
from tests.integration.conversation.mesh import Customer

SETTLES_WITHIN_SECONDS = 60.0


@dataclass
class Traffic:
    """Running conversations with their writers and watchers."""

    customer: Customer
    writers: list[ConversationWriter] = field(default_factory=list)
    watchers: list[RecordedWatcher] = field(default_factory=list)
    enough: asyncio.Event = field(default_factory=asyncio.Event)
    speaking: list[asyncio.Task[None]] = field(default_factory=list)
    following: list[asyncio.Task[None]] = field(default_factory=list)

    def check(self) -> None:
        """Fail if a writer or watcher has failed."""
        for task in (*self.speaking, *self.following):
            if task.done() and not task.cancelled():
                task.result()

    def delays(self, history: History) -> Iterator[float]:
        """Yield the seconds from each ack to each watcher's message, where the message came later."""
        for watcher in self.watchers:
            for event in (event for stream in watcher.recorded.streams for event in stream.received):
                for seen in event.entries:
                    append = history.appends.get(seen.entry_id)
                    if append is not None and append.acked < event.time:
                        yield event.time - append.acked

    async def progress(self, deployment: Deployment, appends: int = 1, within: float = 30) -> None:
        """Wait until so many more entries are acknowledged."""
        wanted = len(deployment.history.acked) + appends
        async with asyncio.timeout(within):
            while len(deployment.history.acked) < wanted:
                self.check()
                await asyncio.sleep(0.005)


@asynccontextmanager
async def running_traffic(
    deployment: Deployment,
    *,
    conversations: int,
    watchers: int = 1,
    pause: float = 0.01,
    writers_at: str = "",
    watchers_at: str = "",
) -> AsyncIterator[Traffic]:
    """Run conversations, each with a writer and some watchers.

    At the end of the block all conversations end, and are read and validated; faults should be over by then.

    Args:
        pause: average seconds between two sentences.
        writers_at: address of the service for writers, if not the cluster's.
        watchers_at: the same for watchers.
    """
    traffic = Traffic(await deployment.customer())
    for place in range(conversations):
        started = await until_answered(
            lambda: traffic.customer.stub.StartConversation(pb.StartConversationRequest(request_id=uuid7()))
        )
        conversation_id = started.conversation.conversation_id
        traffic.writers.append(
            ConversationWriter(
                deployment,
                traffic.customer,
                conversation_id,
                f"conversation {place}",
                pause=pause,
                target=writers_at,
            )
        )
        names = [f"watcher {place}.{n}" for n in range(watchers)]
        traffic.watchers += [
            RecordedWatcher(deployment, traffic.customer, conversation_id, name, watchers_at)
            for name in names
        ]
    traffic.speaking = [asyncio.create_task(writer.speak(traffic.enough)) for writer in traffic.writers]
    traffic.following = [asyncio.create_task(watcher.follow()) for watcher in traffic.watchers]
    try:
        yield traffic
        await _settled(deployment, traffic)
    finally:
        tasks = [*traffic.speaking, *traffic.following]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


async def _settled(deployment: Deployment, traffic: Traffic) -> None:
    traffic.enough.set()
    async with asyncio.timeout(SETTLES_WITHIN_SECONDS):
        await asyncio.gather(*traffic.speaking)
        for writer in traffic.writers:
            request = pb.EndConversationRequest(conversation_id=writer.conversation_id, request_id=uuid7())
            await until_answered(lambda request=request: traffic.customer.stub.EndConversation(request))  # type: ignore[misc]  # mypy can't infer it
        await asyncio.gather(*traffic.following)
        await deployment.read_back(traffic.customer)
    assert_sound(deployment.history)
