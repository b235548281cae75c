"""Acks are dropped or cut off on their way: repeated appends are recognised, and each entry has one row."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING
from uuid import uuid4

import pytest
from readback.conversation.v1 import conversation_service_pb2 as pb

from services.conversation.client.recorder import CallOver, Recorder
from tests.chaos.deployment import Deployment
from tests.chaos.history import Outcome
from tests.chaos.run import SECONDS, amount
from tests.chaos.validators import assert_sound
from tests.chaos.watchers import RecordedWatcher
from tests.chaos.writers import AGENT, GROUP, Appender, ConversationWriter
from tests.toxiproxy import Proxy, Toxiproxy

if TYPE_CHECKING:
    import random

    from tests.chaos.conftest import Deployments
    from tests.chaos.run import Report

pytestmark = [pytest.mark.chaos, pytest.mark.timeout(SECONDS)]

APPENDS = amount(slice=400, full=5000)
"""Appends whose acks get lost, for each store."""
STORED_WITHIN_SECONDS = 0.7
"""Time after which the connection is cut even if not everything is stored: the toxic may block the requests
too."""
BURST_SECONDS = 30.0
BURST, GROUPS = 100, 10
"""Entries on the stream, and unary `Append`s, that are unanswered when the connection is cut."""


def lose_answers(proxy: Proxy, rng: random.Random) -> None:
    """Block the service's answers, or let only some bytes through."""
    match rng.choice(("silence", "silence", "half", "reset")):
        case "silence":
            proxy.poison("timeout", timeout=0)
        case "half":
            proxy.poison("limit_data", bytes=rng.randrange(1, 3000))
        case _:
            proxy.poison("reset_peer", timeout=rng.randrange(30, 90))


@dataclass
class Bursts:
    """Bursts of entries through a proxy that loses the answers and then cuts the connection."""

    deployment: Deployment
    proxy: Proxy
    writer: ConversationWriter
    watcher: RecordedWatcher
    lost: int = 0
    """Appends that were stored, but not acknowledged, when the connection was cut."""

    async def burst(self) -> None:
        """Run one agent with one burst. If the service declares it lost, the next one continues."""
        call = await self.writer.running_call()
        with suppress(CallOver):
            async with self.writer.agent(call, f"agent {uuid4()}") as (recorder, appender):
                await self._cut_off(recorder, appender)
                await recorder.flushed()
                await recorder.close()  # another agent takes over

    async def _cut_off(self, recorder: Recorder, appender: Appender) -> None:
        before = len(self.watcher.recorded.yielded)
        lose_answers(self.proxy, self.deployment.rng)
        groups = [asyncio.create_task(appender.append()) for _ in range(GROUPS)]
        for number in range(BURST):
            recorder.seal(str(uuid4()), AGENT, f"burst, {number}")
        with suppress(TimeoutError):
            async with asyncio.timeout(STORED_WITHIN_SECONDS):
                await self.watcher.has(before + BURST + GROUPS * GROUP)
        stored = {seen.entry_id for seen in self.watcher.recorded.yielded}
        unknown = [
            append for append in self.deployment.history.appends.values() if append.outcome is Outcome.UNKNOWN
        ]
        self.lost += sum(append.entry_id in stored for append in unknown)
        self.proxy.heal()
        await asyncio.gather(*groups)


async def test_an_append_whose_ack_is_lost_is_stored_once(
    deployments: Deployments, store: dict[str, str], toxiproxy: Toxiproxy, report: Report
) -> None:
    async with deployments(**store) as deployment:
        (replica,) = deployment.cluster.replicas
        await deployment.cluster.start()
        customer = await deployment.customer()
        conversation_id = await customer.conversation()
        watcher = RecordedWatcher(deployment, customer, conversation_id, "direct")
        following = asyncio.create_task(watcher.follow())
        proxy = toxiproxy.new_proxy(replica.address)
        writer = ConversationWriter(deployment, customer, conversation_id, "writer", target=proxy.address)
        bursts = Bursts(deployment, proxy, writer, watcher)
        while bursts.lost < APPENDS:
            async with asyncio.timeout(BURST_SECONDS):
                await bursts.burst()
        await customer.stub.EndConversation(
            pb.EndConversationRequest(conversation_id=conversation_id, request_id=str(uuid4()))
        )
        await following
        await deployment.read_back(customer)
        assert_sound(deployment.history)
        report.counts["acks lost"] += bursts.lost
        report.add(deployment.history)
