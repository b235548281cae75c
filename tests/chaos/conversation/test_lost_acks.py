"""Acks are dropped and cut on their way: what is sent again is recognised, each entry has one row."""

from __future__ import annotations

import asyncio
from contextlib import AsyncExitStack, suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING
from uuid import uuid4

import pytest
from readback.conversation.v1 import conversation_service_pb2 as pb
from readback.conversation.v1.conversation_service_pb2_grpc import ConversationServiceStub

from services.conversation.client.recorder import CallOver, Recorder
from tests.chaos.followers import Follower
from tests.chaos.history import Outcome
from tests.chaos.pens import AGENT, GROUP, Appender, Pen
from tests.chaos.recorded import appending, recording
from tests.chaos.scale import SECONDS, amount
from tests.chaos.validators import assert_sound
from tests.chaos.world import World
from tests.toxiproxy import Proxy, Toxiproxy

if TYPE_CHECKING:
    import random

    from tests.chaos.conftest import Worlds
    from tests.chaos.report import Report

pytestmark = [pytest.mark.chaos, pytest.mark.timeout(SECONDS)]

APPENDS = amount(slice=400, full=5000)
"""Whose acks get lost, for each store."""
STORED_WITHIN_SECONDS = 0.7
"""Then the line is cut whatever is stored by then: the toxic may have let too little through."""
BURST_SECONDS = 30.0
BURST, GROUPS = 100, 10
"""Entries on the stream and unary `Append`s that are under way when the line is cut."""


def spoil(door: Proxy, dice: random.Random) -> None:
    """Lets nothing, or only some bytes, of what the service answers through."""
    match dice.choice(("silence", "silence", "half", "reset")):
        case "silence":
            door.poison("timeout", timeout=0)
        case "half":
            door.poison("limit_data", bytes=dice.randrange(1, 3000))
        case _:
            door.poison("reset_peer", timeout=dice.randrange(30, 90))


@dataclass
class Bursts:
    """Entries handed in through a door that is spoiled, in bursts; each ends with the line being cut."""

    world: World
    door: Proxy
    pen: Pen
    follower: Follower
    lost: int = 0
    """Appends that were stored, and whose acks had not come when the line was cut."""

    async def burst(self) -> None:
        """One agent's hold on the call and one burst; the next agent goes on when this one is taken for lost meanwhile."""
        call, history, writer_id = await self.pen.running_call(), self.world.history, str(uuid4())
        name = f"agent {writer_id}"
        async with AsyncExitStack() as stack:
            own = await stack.enter_async_context(
                self.world.channel(self.world.service_token(), self.door.address)
            )
            token = self.world.agent_token(self.pen.customer.customer_id, call)
            delegated = await stack.enter_async_context(self.world.channel(token, self.door.address))
            stub = ConversationServiceStub(recording(own, history, call.conversation_id, name))
            delegate = ConversationServiceStub(
                appending(delegated, history, call.conversation_id, f"{name}, unary")
            )
            with suppress(CallOver):
                recorder = await stack.enter_async_context(
                    Recorder(stub, call.call_id, call.epoch, writer_id)
                )
                await self._cut_off(recorder, Appender(self.pen, delegate, call, writer_id))
                await recorder.flushed()
                await recorder.close()  # to the next agent

    async def _cut_off(self, recorder: Recorder, appender: Appender) -> None:
        before = len(self.follower.notes.handed)
        spoil(self.door, self.world.dice)
        groups = [asyncio.create_task(appender.append()) for _ in range(GROUPS)]
        for number in range(BURST):
            recorder.seal(str(uuid4()), AGENT, f"burst, {number}")
        with suppress(TimeoutError):
            async with asyncio.timeout(STORED_WITHIN_SECONDS):
                await self.follower.has(before + BURST + GROUPS * GROUP)
        stored = {seen.entry_id for seen in self.follower.notes.handed}
        unknown = [
            append for append in self.world.history.appends.values() if append.outcome is Outcome.UNKNOWN
        ]
        self.lost += sum(append.entry_id in stored for append in unknown)
        self.door.heal()
        await asyncio.gather(*groups)


async def test_an_append_whose_ack_is_lost_is_stored_once(
    worlds: Worlds, store: dict[str, str], toxiproxy: Toxiproxy, report: Report
) -> None:
    async with worlds(**store) as world:
        (replica,) = world.cluster.replicas
        await world.cluster.start()
        customer = await world.customer()
        conversation_id = await customer.conversation()
        follower = Follower(world, customer, conversation_id, "beside the door")
        following = asyncio.create_task(follower.follow())
        bursts = Bursts(
            world, toxiproxy.door(replica.address), Pen(world, customer, conversation_id, "pen"), follower
        )
        while bursts.lost < APPENDS:
            async with asyncio.timeout(BURST_SECONDS):
                await bursts.burst()
        await customer.stub.EndConversation(
            pb.EndConversationRequest(conversation_id=conversation_id, request_id=str(uuid4()))
        )
        await following
        await world.read_back(customer)
        assert_sound(world.history)
        report.counts["acks lost"] += bursts.lost
        report.of(world.history)
