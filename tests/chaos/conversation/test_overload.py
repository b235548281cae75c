"""Three times what the service can do is asked of it: what it takes on it does, the rest is refused early, memory stays bounded."""

from __future__ import annotations

import asyncio
import json
import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from readback.conversation.v1 import conversation_service_pb2 as pb

from mesh.ids import uuid7
from tests.chaos.processes import Nursery
from tests.chaos.scale import FULL, SECONDS, amount
from tests.chaos.world import World

if TYPE_CHECKING:
    from tests.chaos.conftest import Worlds
    from tests.chaos.report import Report

pytestmark = [pytest.mark.chaos, pytest.mark.timeout(SECONDS)]

LASTS_SECONDS = amount(slice=3, full=15)
CUSTOMERS, CALLERS = 64, 48
TIMES = 3
LEAST_GOODPUT = 0.55
"""Of the peak. The aim is 0.9, and what is measured stands in the report: on SQLite 0.64 to 1.05. There a transaction goes to its thread a
dozen times, and each time it comes back the loop may have refused a call in between."""
GROWTH_MB = 150
"""The calls that are let in at once, their messages and their answers."""


async def offered(
    forks: Nursery, world: World, folder: Path, *, rate: float, seconds: float
) -> dict[str, Any]:
    """Load from a process of its own, and what became of it."""
    tokens = [world.customer_token(uuid7()) for _ in range(CUSTOMERS)]
    wanted = {"LOAD_TARGET": world.cluster.target, "LOAD_TOKENS": json.dumps(tokens), "LOAD_RATE": str(rate)}
    wanted |= {"LOAD_CALLERS": str(CALLERS), "LOAD_SECONDS": str(seconds)}
    inherited = {name: value for name, value in os.environ.items() if not name.startswith("READBACK_")}
    output = folder / f"load-{uuid7()}"
    process = await asyncio.to_thread(forks.start, "tests.chaos.load:main", inherited | wanted, output)
    await process.ended()
    assert process.status == 0, output.read_text()
    found: dict[str, Any] = json.loads(output.read_text().splitlines()[-1])
    return found


async def test_three_times_too_much_is_refused_early_and_costs_little(
    worlds: Worlds, forks: Nursery, tmp_path: Path, report: Report
) -> None:
    async with worlds() as world:
        (replica,) = world.cluster.replicas
        await world.cluster.start()
        customer = await world.customer()
        before = [await offered(forks, world, tmp_path, rate=0, seconds=LASTS_SECONDS)]
        memory = replica.running.resident()
        flood = await offered(forks, world, tmp_path, rate=TIMES * before[0]["good"], seconds=LASTS_SECONDS)
        growth = (replica.running.resident() - memory) / 2**20
        before.append(await offered(forks, world, tmp_path, rate=0, seconds=LASTS_SECONDS))
        peak = max(one["good"] for one in before)
        report.counts["refused"] += flood["refusals"]
        report.measures |= {
            "goodput of peak": round(flood["good"] / peak, 2),
            "ms p99 of a refusal": round(flood["refusal_p99"] * 1000, 1),
        }
        report.measures["MB more"] = round(growth, 1)
        assert set(flood["codes"]) <= {"OK", "RESOURCE_EXHAUSTED"}, flood["codes"]
        assert flood["codes"]["OK"] > 0
        assert flood["unsaid"] == 0, "refused without saying when to come back"
        assert growth < GROWTH_MB
        assert set(before[1]["codes"]) == {"OK"}, "it didn't recover"
        await customer.stub.StartConversation(pb.StartConversationRequest(request_id=uuid7()))
        if FULL:
            assert flood["good"] >= LEAST_GOODPUT * peak
            assert flood["refusal_p99"] <= 0.05
