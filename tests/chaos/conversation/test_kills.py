"""The service is killed again and again, at random points and between commit and ack: nothing acknowledged is lost, nothing is doubled."""

from __future__ import annotations

import asyncio
import signal
from typing import TYPE_CHECKING

import pytest

from tests.chaos.report import Report
from tests.chaos.scale import amount
from tests.chaos.scenes import playing

if TYPE_CHECKING:
    from tests.chaos.conftest import Worlds

pytestmark = [pytest.mark.chaos, pytest.mark.timeout(900)]

KILLS = amount(slice=6, full=80)
"""For each store."""


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
                assert replica.running.status != -signal.SIGSEGV
        report.counts["kills"] += KILLS
        report.of(world.history)
