"""The service is killed again and again, at random points and between commit and ack: nothing acknowledged is lost, nothing is doubled."""

from __future__ import annotations

import asyncio
import signal
from typing import TYPE_CHECKING

import pytest

from tests.chaos.scale import SECONDS, amount
from tests.chaos.scenes import playing

if TYPE_CHECKING:
    from tests.chaos.conftest import Worlds
    from tests.chaos.report import Report

pytestmark = [pytest.mark.chaos, pytest.mark.timeout(SECONDS)]

KILLS = amount(slice=6, full=80)
"""At random points, for each store."""
DEATHS = amount(slice=4, full=40)
"""At failpoints, for each store."""
POINTS = (
    "conversation.before_commit",
    "conversation.after_commit_before_announce",
    "conversation.after_commit_before_ack",
)


async def test_nothing_acked_is_lost_though_the_service_is_killed_at_random_points(
    worlds: Worlds, store: dict[str, str], report: Report
) -> None:
    async with worlds(**store) as world:
        (replica,) = world.cluster.replicas
        await world.cluster.start()
        async with playing(world, conversations=4) as scene:
            for _ in range(KILLS):
                await scene.progress(world)
                await asyncio.sleep(world.dice.uniform(0, 0.3))
                await replica.restart()
        report.counts["kills"] += KILLS
        report.of(world.history)


async def test_nothing_acked_is_lost_though_the_service_dies_between_commit_and_ack(
    worlds: Worlds, store: dict[str, str], report: Report
) -> None:
    async with worlds(**store) as world:
        (replica,) = world.cluster.replicas
        await world.cluster.start()
        async with playing(world, conversations=4) as scene:
            for place in range(DEATHS):
                await replica.restart(f"{POINTS[place % len(POINTS)]}=kill@{world.dice.randint(1, 40)}")
                await asyncio.wait_for(replica.running.ended(), 30)
                assert replica.running.status == -signal.SIGKILL
                scene.check()
            await replica.start()
        report.counts["kills"] += DEATHS
        report.of(world.history)
