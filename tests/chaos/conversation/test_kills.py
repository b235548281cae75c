"""The service is killed at random points and between commit and ack: no acked entry is lost or doubled."""

from __future__ import annotations

import asyncio
import signal
from typing import TYPE_CHECKING

import pytest

from tests.chaos.run import SECONDS, amount
from tests.chaos.traffic import running_traffic

if TYPE_CHECKING:
    from tests.chaos.conftest import Deployments
    from tests.chaos.run import Report

pytestmark = [pytest.mark.chaos, pytest.mark.timeout(SECONDS)]

KILLS = amount(slice=6, full=80)
"""Kills at random points, for each store."""
DEATHS = amount(slice=4, full=40)
"""Kills at failpoints, for each store."""
POINTS = (
    "conversation.before_commit",
    "conversation.after_commit_before_announce",
    "conversation.after_commit_before_ack",
)


async def test_nothing_acked_is_lost_though_the_service_is_killed_at_random_points(
    deployments: Deployments, store: dict[str, str], report: Report
) -> None:
    async with deployments(**store) as deployment:
        (replica,) = deployment.cluster.replicas
        await deployment.cluster.start()
        async with running_traffic(deployment, conversations=4) as traffic:
            for _ in range(KILLS):
                await traffic.progress(deployment)
                await asyncio.sleep(deployment.rng.uniform(0, 0.3))
                await replica.restart()
        report.counts["kills"] += KILLS
        report.add(deployment.history)


async def test_nothing_acked_is_lost_though_the_service_dies_between_commit_and_ack(
    deployments: Deployments, store: dict[str, str], report: Report
) -> None:
    async with deployments(**store) as deployment:
        (replica,) = deployment.cluster.replicas
        await deployment.cluster.start()
        async with running_traffic(deployment, conversations=4) as traffic:
            for place in range(DEATHS):
                await replica.restart(f"{POINTS[place % len(POINTS)]}=kill@{deployment.rng.randint(1, 40)}")
                await asyncio.wait_for(replica.running.ended(), 30)
                assert replica.running.status == -signal.SIGKILL
                traffic.check()
            await replica.start()
        report.counts["kills"] += DEATHS
        report.add(deployment.history)
