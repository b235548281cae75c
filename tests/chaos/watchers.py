"""Watchers: the client's `watch` over a channel that records every message."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field

from readback.conversation.v1.conversation_service_pb2_grpc import ConversationServiceStub

from services.conversation.client.watcher import watch
from tests.chaos.deployment import Deployment
from tests.chaos.history import Seen, Watcher
from tests.chaos.recorded_channel import watching
from tests.integration.conversation.mesh import Customer


@dataclass
class RecordedWatcher:
    """One watcher with everything that it received."""

    deployment: Deployment
    customer: Customer
    conversation_id: str
    name: str
    target: str = ""
    heartbeat_seconds: float = 1.0
    include_live: bool = True
    recorded: Watcher = field(init=False)

    def __post_init__(self) -> None:
        self.recorded = Watcher(self.name, self.conversation_id)
        self.deployment.history.watchers.append(self.recorded)

    async def follow(self) -> None:
        """Follow the conversation from its beginning to its end."""
        async with self.deployment.channel(self.customer.token, self.target) as channel:
            stub = ConversationServiceStub(watching(channel, self.recorded))
            watched = watch(
                stub,
                self.conversation_id,
                include_live=self.include_live,
                heartbeat_seconds=self.heartbeat_seconds,
            )
            async with watched as events:
                async for event in events:
                    if event.HasField("entry"):
                        self.recorded.yielded.append(Seen.of(event.entry))
        self.recorded.complete = True

    async def has(self, entries: int) -> None:
        """Wait until so many entries were yielded."""
        while len(self.recorded.yielded) < entries:  # noqa: ASYNC110 -- a stream fills it
            await asyncio.sleep(0.01)
