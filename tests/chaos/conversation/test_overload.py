"""Three times the peak load: accepted calls succeed, the rest is refused early, and memory stays bounded."""

from __future__ import annotations

import asyncio
import json
import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from readback.conversation.v1 import conversation_service_pb2 as pb

from mesh.ids import uuid7
from tests.chaos.deployment import Deployment
from tests.chaos.processes import ForkServer
from tests.chaos.run import FULL, SECONDS, amount

if TYPE_CHECKING:
    from tests.chaos.conftest import Deployments
    from tests.chaos.run import Report

pytestmark = [pytest.mark.chaos, pytest.mark.timeout(SECONDS)]

LASTS_SECONDS = amount(slice=3, full=15)
CUSTOMERS, CALLERS = 64, 48
TIMES = 3
LEAST_GOODPUT = 0.55
"""Least goodput as a share of the peak. The aim is 0.9; the report shows the measured value, on SQLite 0.64
to 1.05. There a transaction switches to its thread a dozen times, and the loop may refuse calls in
between."""
GROWTH_MB = 150
"""Memory growth allowed for the accepted calls with their messages and answers."""


async def offer_load(
    forks: ForkServer, deployment: Deployment, folder: Path, *, rate: float, seconds: float
) -> dict[str, Any]:
    """Run load in a process of its own; return its summary."""
    tokens = [deployment.customer_token(uuid7()) for _ in range(CUSTOMERS)]
    wanted = {
        "LOAD_TARGET": deployment.cluster.target,
        "LOAD_TOKENS": json.dumps(tokens),
        "LOAD_RATE": str(rate),
    }
    wanted |= {"LOAD_CALLERS": str(CALLERS), "LOAD_SECONDS": str(seconds)}
    inherited = {name: value for name, value in os.environ.items() if not name.startswith("READBACK_")}
    output = folder / f"load-{uuid7()}"
    process = await asyncio.to_thread(
        forks.start, "tests.chaos.client_processes:load", inherited | wanted, output
    )
    await process.ended()
    assert process.status == 0, output.read_text()
    found: dict[str, Any] = json.loads(output.read_text().splitlines()[-1])
    return found


async def test_three_times_too_much_is_refused_early_and_costs_little(
    deployments: Deployments, forks: ForkServer, tmp_path: Path, report: Report
) -> None:
    async with deployments() as deployment:
        (replica,) = deployment.cluster.replicas
        await deployment.cluster.start()
        customer = await deployment.customer()
        before = [await offer_load(forks, deployment, tmp_path, rate=0, seconds=LASTS_SECONDS)]
        memory = replica.running.resident()
        flood = await offer_load(
            forks, deployment, tmp_path, rate=TIMES * before[0]["good"], seconds=LASTS_SECONDS
        )
        growth = (replica.running.resident() - memory) / 2**20
        before.append(await offer_load(forks, deployment, tmp_path, rate=0, seconds=LASTS_SECONDS))
        peak = max(one["good"] for one in before)
        report.counts["refused"] += flood["refusals"]
        report.measures |= {
            "goodput of peak": round(flood["good"] / peak, 2),
            "ms p99 of a refusal": round(flood["refusal_p99"] * 1000, 1),
        }
        report.measures["MB more"] = round(growth, 1)
        assert set(flood["codes"]) <= {"OK", "RESOURCE_EXHAUSTED"}, flood["codes"]
        assert flood["codes"]["OK"] > 0
        assert flood["without_retry_info"] == 0, "refused without RetryInfo"
        assert growth < GROWTH_MB
        assert set(before[1]["codes"]) == {"OK"}, "the service did not recover"
        await customer.stub.StartConversation(pb.StartConversationRequest(request_id=uuid7()))
        if FULL:
            assert flood["good"] >= LEAST_GOODPUT * peak
            assert flood["refusal_p99"] <= 0.05
