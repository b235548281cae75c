"""Conversations that go on while something happens to the service, and what must be true of them afterwards."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

from readback.conversation.v1 import conversation_service_pb2 as pb

from mesh.ids import uuid7
from tests.chaos.followers import Follower
from tests.chaos.history import History
from tests.chaos.pens import Pen
from tests.chaos.persistence import persistently
from tests.chaos.validators import assert_sound
from tests.chaos.world import World
from tests.integration.conversation.mesh import Customer

SETTLES_WITHIN_SECONDS = 60.0


@dataclass
class Scene:
    """Who speaks and who listens."""

    customer: Customer
    pens: list[Pen] = field(default_factory=list)
    followers: list[Follower] = field(default_factory=list)
    enough: asyncio.Event = field(default_factory=asyncio.Event)
    speaking: list[asyncio.Task[None]] = field(default_factory=list)
    following: list[asyncio.Task[None]] = field(default_factory=list)

    def check(self) -> None:
        """Fails when somebody who speaks or follows has failed."""
        for task in (*self.speaking, *self.following):
            if task.done() and not task.cancelled():
                task.result()

    def delays(self, history: History) -> Iterator[float]:
        """Seconds from each ack until each watcher was told, where it was told later."""
        for follower in self.followers:
            for told in (told for stream in follower.notes.streams for told in stream.told):
                for seen in told.entries:
                    append = history.appends.get(seen.entry_id)
                    if append is not None and append.acked < told.time:
                        yield told.time - append.acked

    async def progress(self, world: World, appends: int = 1, within: float = 30) -> None:
        """Waits until so many more entries are acknowledged."""
        wanted = len(world.history.acked) + appends
        async with asyncio.timeout(within):
            while len(world.history.acked) < wanted:
                self.check()
                await asyncio.sleep(0.005)


@asynccontextmanager
async def playing(
    world: World,
    *,
    conversations: int,
    watchers: int = 1,
    pause: float = 0.01,
    pens_at: str = "",
    watchers_at: str = "",
) -> AsyncIterator[Scene]:
    """Conversations going on, each with a pen and so many watchers, wherever these reach the service.

    On leaving, all come to their end, are read back and validated. What is done to the service should be over by then.
    """
    scene = Scene(await world.customer())
    for place in range(conversations):
        started = await persistently(
            lambda: scene.customer.stub.StartConversation(pb.StartConversationRequest(request_id=uuid7()))
        )
        conversation_id = started.conversation.conversation_id
        scene.pens.append(
            Pen(world, scene.customer, conversation_id, f"conversation {place}", pause=pause, target=pens_at)
        )
        names = [f"watcher {place}.{n}" for n in range(watchers)]
        scene.followers += [
            Follower(world, scene.customer, conversation_id, name, watchers_at) for name in names
        ]
    scene.speaking = [asyncio.create_task(pen.speak(scene.enough)) for pen in scene.pens]
    scene.following = [asyncio.create_task(follower.follow()) for follower in scene.followers]
    try:
        yield scene
        await _settled(world, scene)
    finally:
        tasks = [*scene.speaking, *scene.following]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


async def _settled(world: World, scene: Scene) -> None:
    scene.enough.set()
    async with asyncio.timeout(SETTLES_WITHIN_SECONDS):
        await asyncio.gather(*scene.speaking)
        for pen in scene.pens:
            request = pb.EndConversationRequest(conversation_id=pen.conversation_id, request_id=uuid7())
            await persistently(lambda request=request: scene.customer.stub.EndConversation(request))  # type: ignore[misc]  # mypy can't infer it
        await asyncio.gather(*scene.following)
        await world.read_back(scene.customer)
    assert_sound(world.history)
