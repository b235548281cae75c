"""Lines that are late, slow, cut into slices, reset, closed slowly or half-open: what goes over them arrives once and in order."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import TYPE_CHECKING

import pytest
from readback.conversation.v1 import entry_pb2

from mesh.serving.grpc_server import ServerSettings
from tests.chaos.followers import Follower
from tests.chaos.scale import SECONDS, amount
from tests.chaos.scenes import playing
from tests.toxiproxy import Toxiproxy

if TYPE_CHECKING:
    from tests.chaos.conftest import Worlds
    from tests.chaos.report import Report

pytestmark = [pytest.mark.chaos, pytest.mark.timeout(SECONDS)]

TOXICS: Mapping[str, Mapping[str, int]] = {
    "latency": {"latency": 100, "jitter": 50},
    "bandwidth": {"rate": 32},
    "slicer": {"average_size": 32, "size_variation": 16, "delay": 200},
    "reset_peer": {"timeout": 300},
    "slow_close": {"delay": 500},
    "timeout": {"timeout": 0},
}
"""Each both ways. Milliseconds, kB/s, bytes; the slicer's delay in microseconds."""
ROUNDS = amount(slice=1, full=6)
LASTS_SECONDS = amount(slice=1, full=3)
TRACES = 5.0
"""Seconds of slack where times are judged: what is timed goes through two processes and a proxy."""


async def test_bad_lines_lose_and_double_nothing(
    worlds: Worlds, store: dict[str, str], toxiproxy: Toxiproxy, report: Report
) -> None:
    async with worlds(**store) as world:
        (replica,) = world.cluster.replicas
        await world.cluster.start()
        door = toxiproxy.door(replica.address)
        async with playing(world, conversations=3, pens_at=door.address, watchers_at=door.address) as scene:
            for kind in list(TOXICS) * ROUNDS:
                await scene.progress(world)
                for stream in ("upstream", "downstream"):
                    door.poison(kind, stream, **TOXICS[kind])
                await asyncio.sleep(LASTS_SECONDS)
                door.heal()
                report.counts[kind] += 1
        report.of(world.history)


async def test_both_ends_notice_a_half_open_line_within_keepalive(
    worlds: Worlds, toxiproxy: Toxiproxy, report: Report
) -> None:
    """The service asks for another agent, which it does when the stream breaks; the writer opens another stream."""
    settings, loop = ServerSettings(), asyncio.get_running_loop()
    async with worlds() as world:
        (replica,) = world.cluster.replicas
        await world.cluster.start()
        door = toxiproxy.door(replica.address)
        async with playing(world, conversations=1, watchers=0, pens_at=door.address) as scene:
            follower = Follower(world, scene.customer, scene.pens[0].conversation_id, "beside the door")
            scene.following.append(asyncio.create_task(follower.follow()))
            await scene.progress(world)
            door.partition()
            began = loop.time()
            lost = entry_pb2.StateChange(kind=entry_pb2.STATE_CHANGE_KIND_AGENT_LOST).SerializeToString()
            async with asyncio.timeout(3 * settings.keepalive_seconds + TRACES):
                while not any(  # noqa: ASYNC110  # polls what another process wrote
                    seen.content.startswith(b"state_change " + lost) for seen in follower.notes.handed
                ):
                    await asyncio.sleep(0.05)
            report.measures["s until the service noticed"] = round(loop.time() - began, 1)
            door.heal()
        assert scene.pens[0].agents > 1
        report.of(world.history)
