"""Watchers: the client kit's `watch` over a channel that notes every message beneath it."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field

from readback.conversation.v1.conversation_service_pb2_grpc import ConversationServiceStub

from services.conversation.client.watcher import watch
from tests.chaos.history import Seen, Watcher
from tests.chaos.recorded import watching
from tests.chaos.world import World
from tests.integration.conversation.mesh import Customer


@dataclass
class Follower:
    """One watcher and what it got."""

    world: World
    customer: Customer
    conversation_id: str
    name: str
    target: str = ""
    heartbeat_seconds: float = 1.0
    include_live: bool = True
    notes: Watcher = field(init=False)

    def __post_init__(self) -> None:
        self.notes = Watcher(self.name, self.conversation_id)
        self.world.history.watchers.append(self.notes)

    async def follow(self) -> None:
        """Follows from the beginning to the end of the conversation."""
        async with self.world.channel(self.customer.token, self.target) as channel:
            stub = ConversationServiceStub(watching(channel, self.notes))
            followed = watch(
                stub,
                self.conversation_id,
                include_live=self.include_live,
                heartbeat_seconds=self.heartbeat_seconds,
            )
            async with followed as events:
                async for event in events:
                    if event.HasField("entry"):
                        self.notes.handed.append(Seen.of(event.entry))
        self.notes.complete = True

    async def has(self, entries: int) -> None:
        """Waits until so many entries were handed out."""
        while len(self.notes.handed) < entries:  # noqa: ASYNC110 -- told by a stream
            await asyncio.sleep(0.01)
