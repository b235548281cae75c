"""A watcher that stands still for a while: who publishes goes on as fast, memory stays bounded, and it misses nothing when it wakes."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import time
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from readback.conversation.v1 import conversation_service_pb2 as pb

from mesh.ids import uuid7
from tests.chaos.pens import Pen
from tests.chaos.processes import Nursery, Process
from tests.chaos.scale import FULL, SECONDS, amount
from tests.chaos.validators import assert_sound
from tests.chaos.world import World, entries_of
from tests.integration.conversation.mesh import Customer

if TYPE_CHECKING:
    from tests.chaos.conftest import Worlds
    from tests.chaos.report import Report

pytestmark = [pytest.mark.chaos, pytest.mark.timeout(SECONDS)]

ENTRIES = amount(slice=300, full=2000)
"""Published in each of the four quarters: with the watcher, without it, without it, with it."""
WORDS = "a long story that fills the buffers between two processes " * 20
GROWTH_MB = 40
"""That a watcher which takes nothing may cost: the service's memory of a log, gRPC's buffers, and what publishing costs anyway."""


def watcher_process(
    forks: Nursery, world: World, customer: Customer, conversation_id: str, output: Path
) -> Process:
    """The kit's watcher in a process of its own."""
    wanted = {
        "WATCHER_TARGET": world.cluster.target,
        "WATCHER_TOKEN": customer.token,
        "WATCHER_CONVERSATION": conversation_id,
    }
    inherited = {name: value for name, value in os.environ.items() if not name.startswith("READBACK_")}
    return forks.start("tests.chaos.lone_watcher:main", inherited | wanted, output)


async def publish(pen: Pen, world: World, count: int) -> float:
    """Entries a second."""
    began, before = time.monotonic(), len(world.history.acked)
    enough = asyncio.Event()
    speaking = asyncio.create_task(pen.speak(enough))
    while len(world.history.acked) < before + count:
        assert not speaking.done() or speaking.result() is None
        await asyncio.sleep(0.005)
    seconds = time.monotonic() - began
    enough.set()
    await speaking
    return count / seconds


async def test_a_watcher_that_stands_still_slows_nobody_and_misses_nothing(
    worlds: Worlds, forks: Nursery, tmp_path: Path, report: Report
) -> None:
    async with worlds() as world:
        (replica,) = world.cluster.replicas
        await world.cluster.start()
        customer = await world.customer()
        conversation_id = await customer.conversation()
        pen = Pen(world, customer, conversation_id, "pen", pause=0, at_once=0, words=WORDS)
        output = tmp_path / "watched"
        await publish(pen, world, ENTRIES // 4)  # warm
        watcher = watcher_process(forks, world, customer, conversation_id, output)
        fast = [await publish(pen, world, ENTRIES)]
        memory = replica.running.resident()
        watcher.signal(signal.SIGSTOP)
        slow = [await publish(pen, world, ENTRIES), await publish(pen, world, ENTRIES)]
        growth = (replica.running.resident() - memory) / 2**20
        watcher.signal(signal.SIGCONT)
        fast.append(await publish(pen, world, ENTRIES))
        await customer.stub.EndConversation(
            pb.EndConversationRequest(conversation_id=conversation_id, request_id=uuid7())
        )
        await asyncio.wait_for(watcher.ended(), 60)
        log = world.history.logs[conversation_id] = await entries_of(customer.stub, conversation_id)
        watched = [json.loads(line) for line in output.read_text().splitlines()]
        assert watched == [[seen.number, seen.entry_id] for seen in log]
        assert_sound(world.history)
        report.measures["publishing beside it, times"] = round(sum(slow) / sum(fast), 2)
        report.measures["MB more"] = round(growth, 1)
        report.counts["entries it slept through"] += 2 * ENTRIES
        report.of(world.history)
        assert growth < GROWTH_MB
        assert not FULL or sum(slow) >= 0.95 * sum(fast)
