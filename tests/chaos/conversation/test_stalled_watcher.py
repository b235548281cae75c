"""A frozen watcher slows no writer, costs bounded memory, and misses nothing when it wakes."""

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
from tests.chaos.deployment import Deployment, entries_of
from tests.chaos.processes import ForkServer, Process
from tests.chaos.run import FULL, SECONDS, amount
from tests.chaos.validators import assert_sound
from tests.chaos.writers import ConversationWriter
from tests.integration.conversation.mesh import Customer

if TYPE_CHECKING:
    from tests.chaos.conftest import Deployments
    from tests.chaos.run import Report

pytestmark = [pytest.mark.chaos, pytest.mark.timeout(SECONDS)]

ENTRIES = amount(slice=300, full=2000)
"""Entries in each of four phases: watcher running, frozen, frozen, running."""
WORDS = "a long story that fills the buffers between two processes " * 20
GROWTH_MB = 40
"""Memory growth allowed for a frozen watcher: the service's log cache, gRPC's buffers, and the cost of
publishing."""


def watcher_process(
    forks: ForkServer, deployment: Deployment, customer: Customer, conversation_id: str, output: Path
) -> Process:
    """Start a watcher in a process of its own."""
    wanted = {
        "WATCHER_TARGET": deployment.cluster.target,
        "WATCHER_TOKEN": customer.token,
        "WATCHER_CONVERSATION": conversation_id,
    }
    inherited = {name: value for name, value in os.environ.items() if not name.startswith("READBACK_")}
    return forks.start("tests.chaos.client_processes:watcher", inherited | wanted, output)


async def publish(writer: ConversationWriter, deployment: Deployment, count: int) -> float:
    """Write so many entries; return the rate in entries per second."""
    began, before = time.monotonic(), len(deployment.history.acked)
    enough = asyncio.Event()
    speaking = asyncio.create_task(writer.speak(enough))
    while len(deployment.history.acked) < before + count:
        assert not speaking.done() or speaking.result() is None
        await asyncio.sleep(0.005)
    seconds = time.monotonic() - began
    enough.set()
    await speaking
    return count / seconds


async def test_a_frozen_watcher_slows_no_writer_and_misses_nothing(
    deployments: Deployments, forks: ForkServer, tmp_path: Path, report: Report
) -> None:
    async with deployments() as deployment:
        (replica,) = deployment.cluster.replicas
        await deployment.cluster.start()
        customer = await deployment.customer()
        conversation_id = await customer.conversation()
        writer = ConversationWriter(
            deployment, customer, conversation_id, "writer", pause=0, append_share=0, words=WORDS
        )
        output = tmp_path / "watched"
        await publish(writer, deployment, ENTRIES // 4)  # warm
        watcher = watcher_process(forks, deployment, customer, conversation_id, output)
        fast = [await publish(writer, deployment, ENTRIES)]
        memory = replica.running.resident()
        watcher.signal(signal.SIGSTOP)
        slow = [await publish(writer, deployment, ENTRIES), await publish(writer, deployment, ENTRIES)]
        growth = (replica.running.resident() - memory) / 2**20
        watcher.signal(signal.SIGCONT)
        fast.append(await publish(writer, deployment, ENTRIES))
        await customer.stub.EndConversation(
            pb.EndConversationRequest(conversation_id=conversation_id, request_id=uuid7())
        )
        await asyncio.wait_for(watcher.ended(), 60)
        log = deployment.history.logs[conversation_id] = await entries_of(customer.stub, conversation_id)
        watched = [json.loads(line) for line in output.read_text().splitlines()]
        assert watched == [[seen.number, seen.entry_id] for seen in log]
        assert_sound(deployment.history)
        report.measures["publishing rate, ratio"] = round(sum(slow) / sum(fast), 2)
        report.measures["MB more"] = round(growth, 1)
        report.counts["entries while frozen"] += 2 * ENTRIES
        report.add(deployment.history)
        assert growth < GROWTH_MB
        assert not FULL or sum(slow) >= 0.95 * sum(fast)
