"""Fifty watchers on two replicas that are killed, stopped and cut off: each goes on at the other where it was."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Iterator
from itertools import islice, product
from typing import TYPE_CHECKING

import pytest

from tests.chaos.cluster import Replica
from tests.chaos.scale import SECONDS, amount
from tests.chaos.scenes import playing
from tests.redis_server import RedisServer
from tests.toxiproxy import Proxy, Toxiproxy

if TYPE_CHECKING:
    from tests.chaos.conftest import Worlds
    from tests.chaos.report import Report

pytestmark = [pytest.mark.chaos, pytest.mark.timeout(SECONDS)]

FAULTS = amount(slice=6, full=100)
CONVERSATIONS, WATCHERS = 5, 10
"""And watchers of each."""


def faults(dice: random.Random) -> Iterator[tuple[str, int]]:
    """What is done to which replica, without end: each thing to each before any comes again, so that no watcher stays where it is."""
    every = list(product(("kill", "stop", "partition"), (0, 1)))
    while True:
        dice.shuffle(every)
        yield from every


async def hurt(fault: str, replica: Replica, door: Proxy) -> None:
    """Does something to a replica and makes it good again. A watcher takes three seconds of silence for the end of its stream."""
    match fault:
        case "kill":
            await replica.restart()
        case "stop":
            replica.freeze()
            await asyncio.sleep(3.5)
            replica.thaw()
        case "partition":
            door.partition()
            await asyncio.sleep(3.5)
            door.heal()


async def test_watchers_that_are_moved_between_replicas_lose_and_double_nothing(
    worlds: Worlds, toxiproxy: Toxiproxy, shared_redis: RedisServer, postgres_url: str, report: Report
) -> None:
    settings = {"READBACK_CONVERSATION_DATABASE_URL": postgres_url, "READBACK_REDIS_URL": shared_redis.url}
    async with worlds(replicas=2, **settings) as world:
        await world.cluster.start()
        doors = [toxiproxy.door(replica.address) for replica in world.cluster.replicas]
        world.cluster.doors = [door.address for door in doors]
        async with playing(world, conversations=CONVERSATIONS, watchers=WATCHERS, pause=0.1) as scene:
            for fault, side in islice(faults(world.dice), FAULTS):
                await scene.progress(world)
                await hurt(fault, world.cluster.replicas[side], doors[side])
                report.counts[fault] += 1
        assert min(len(follower.notes.streams) for follower in scene.followers) > 1, (
            "a watcher was never moved"
        )
        report.of(world.history)
