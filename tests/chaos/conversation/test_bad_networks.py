"""Slow, fragmented, reset and silent connections: everything arrives once and in order."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import TYPE_CHECKING

import pytest
from readback.conversation.v1 import entry_pb2

from mesh.serving.grpc_server import ServerSettings
from tests.chaos.run import SECONDS, amount
from tests.chaos.traffic import running_traffic
from tests.chaos.watchers import RecordedWatcher
from tests.toxiproxy import Toxiproxy

if TYPE_CHECKING:
    from tests.chaos.conftest import Deployments
    from tests.chaos.run import Report

pytestmark = [pytest.mark.chaos, pytest.mark.timeout(SECONDS)]

TOXICS: Mapping[str, Mapping[str, int]] = {
    "latency": {"latency": 100, "jitter": 50},
    "bandwidth": {"rate": 32},
    "slicer": {"average_size": 32, "size_variation": 16, "delay": 200},
    "reset_peer": {"timeout": 300},
    "slow_close": {"delay": 500},
    "timeout": {"timeout": 0},
}
"""Toxics, each in both directions. Units: milliseconds, kB/s, bytes; the slicer's delay is in
microseconds."""
ROUNDS = amount(slice=1, full=6)
LASTS_SECONDS = amount(slice=1, full=3)
SLACK_SECONDS = 5.0
"""Tolerance for times, which are measured across two processes and a proxy."""


async def test_bad_networks_lose_and_double_nothing(
    deployments: Deployments, store: dict[str, str], toxiproxy: Toxiproxy, report: Report
) -> None:
    async with deployments(**store) as deployment:
        (replica,) = deployment.cluster.replicas
        await deployment.cluster.start()
        proxy = toxiproxy.new_proxy(replica.address)
        async with running_traffic(
            deployment, conversations=3, writers_at=proxy.address, watchers_at=proxy.address
        ) as traffic:
            for kind in list(TOXICS) * ROUNDS:
                await traffic.progress(deployment)
                for stream in ("upstream", "downstream"):
                    proxy.poison(kind, stream, **TOXICS[kind])
                await asyncio.sleep(LASTS_SECONDS)
                proxy.heal()
                report.counts[kind] += 1
        report.add(deployment.history)


async def test_both_ends_notice_a_half_open_connection_within_keepalive(
    deployments: Deployments, toxiproxy: Toxiproxy, report: Report
) -> None:
    """The service dispatches another agent for the broken stream; the writer opens another stream."""
    settings, loop = ServerSettings(), asyncio.get_running_loop()
    async with deployments() as deployment:
        (replica,) = deployment.cluster.replicas
        await deployment.cluster.start()
        proxy = toxiproxy.new_proxy(replica.address)
        async with running_traffic(
            deployment, conversations=1, watchers=0, writers_at=proxy.address
        ) as traffic:
            watcher = RecordedWatcher(
                deployment, traffic.customer, traffic.writers[0].conversation_id, "direct"
            )
            traffic.following.append(asyncio.create_task(watcher.follow()))
            await traffic.progress(deployment)
            proxy.partition()
            began = loop.time()
            lost = entry_pb2.StateChange(kind=entry_pb2.STATE_CHANGE_KIND_AGENT_LOST).SerializeToString()
            async with asyncio.timeout(3 * settings.keepalive_seconds + SLACK_SECONDS):
                while not any(  # noqa: ASYNC110  # polls what another process wrote
                    seen.content.startswith(b"state_change " + lost) for seen in watcher.recorded.yielded
                ):
                    await asyncio.sleep(0.05)
            report.measures["s until the service noticed"] = round(loop.time() - began, 1)
            proxy.heal()
            async with asyncio.timeout(3 * settings.keepalive_seconds + SLACK_SECONDS):
                while traffic.writers[0].agents == 1:  # noqa: ASYNC110  # the writer has no event for it
                    await asyncio.sleep(0.05)
        report.add(deployment.history)
