"""Fifty watchers on two replicas that are killed, frozen and cut off: each continues at the other one."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Iterator
from itertools import islice, product
from typing import TYPE_CHECKING

import pytest

from tests.chaos.cluster import Replica
from tests.chaos.run import SECONDS, amount
from tests.chaos.traffic import running_traffic
from tests.redis_server import RedisServer
from tests.toxiproxy import Proxy, Toxiproxy

if TYPE_CHECKING:
    from tests.chaos.conftest import Deployments
    from tests.chaos.run import Report

pytestmark = [pytest.mark.chaos, pytest.mark.timeout(SECONDS)]

FAULTS = amount(slice=6, full=100)
CONVERSATIONS, WATCHERS = 5, 10
"""Conversations, and watchers of each."""


def faults(rng: random.Random) -> Iterator[tuple[str, int]]:
    """Yield faults and replicas without end; each pair comes once before any repeats."""
    every = list(product(("kill", "stop", "partition"), (0, 1)))
    while True:
        rng.shuffle(every)
        yield from every


async def inject(fault: str, replica: Replica, proxy: Proxy) -> None:
    """Inject a fault and repair it. A watcher treats three seconds of silence as the end of its stream."""
    match fault:
        case "kill":
            await replica.restart()
        case "stop":
            replica.freeze()
            await asyncio.sleep(3.5)
            replica.thaw()
        case "partition":
            proxy.partition()
            await asyncio.sleep(3.5)
            proxy.heal()


async def test_watchers_that_are_moved_between_replicas_lose_and_double_nothing(
    deployments: Deployments,
    toxiproxy: Toxiproxy,
    shared_redis: RedisServer,
    postgres_url: str,
    report: Report,
) -> None:
    settings = {"READBACK_CONVERSATION_DATABASE_URL": postgres_url, "READBACK_REDIS_URL": shared_redis.url}
    async with deployments(replicas=2, **settings) as deployment:
        await deployment.cluster.start()
        proxies = [toxiproxy.new_proxy(replica.address) for replica in deployment.cluster.replicas]
        deployment.cluster.proxies = [proxy.address for proxy in proxies]
        async with running_traffic(
            deployment, conversations=CONVERSATIONS, watchers=WATCHERS, pause=0.1
        ) as traffic:
            for fault, side in islice(faults(deployment.rng), FAULTS):
                await traffic.progress(deployment)
                await inject(fault, deployment.cluster.replicas[side], proxies[side])
                report.counts[fault] += 1
        assert min(len(watcher.recorded.streams) for watcher in traffic.watchers) > 1, (
            "a watcher was never moved"
        )
        report.add(deployment.history)
