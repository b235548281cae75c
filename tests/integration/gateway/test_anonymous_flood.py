"""A flood of tool calls without a token delays its own source and nobody with a token."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import Any

import grpc
import httpx
import pytest
from readback.flightdata.v1 import flightdata_service_pb2_grpc, places_pb2

from mesh.serving.caller_turns import MOST_WAITING
from tests.integration.gateway.conftest import Mesh

pytestmark = [pytest.mark.integration, pytest.mark.asyncio(loop_scope="module")]

REFUSED = 4
CALL: dict[str, Any] = {
    "jsonrpc": "2.0",
    "id": 1,
    "method": "tools/call",
    "params": {"name": "get_airport", "arguments": {"code": "MAA"}},
}


class SlowFlightData(flightdata_service_pb2_grpc.FlightDataServiceServicer):
    """Answers when `release` is set; counts the calls by their token."""

    def __init__(self) -> None:
        self.calls: Counter[str] = Counter()
        self.reached, self.release = asyncio.Semaphore(0), asyncio.Event()

    async def GetAirport(self, request: Any, context: Any) -> places_pb2.GetAirportResponse:
        self.calls[str(dict(context.invocation_metadata())["authorization"])] += 1
        self.reached.release()
        await self.release.wait()
        return places_pb2.GetAirportResponse(airport=places_pb2.Airport(code=request.code))


@asynccontextmanager
async def slow_flightdata() -> AsyncIterator[tuple[SlowFlightData, str]]:
    servicer = SlowFlightData()  # type: ignore[abstract]  # only one RPC is called
    server = grpc.aio.server()
    flightdata_service_pb2_grpc.add_FlightDataServiceServicer_to_server(servicer, server)
    port = server.add_insecure_port("127.0.0.1:0")
    await server.start()
    yield servicer, f"127.0.0.1:{port}"
    await server.stop(None)


async def test_a_flood_without_a_token_is_queued_then_refused_and_customers_pass(mesh: Mesh) -> None:
    async with (
        slow_flightdata() as (flightdata, address),
        replace(mesh, flightdata_address=address).gateway() as url,
        httpx.AsyncClient(headers={"accept": "application/json"}, timeout=60) as http,
        asyncio.timeout(60),
    ):
        outcomes: asyncio.Queue[str] = asyncio.Queue()

        async def call(**headers: str) -> None:
            answer = (await http.post(url, json=CALL, headers=headers)).json()["result"]["structuredContent"]
            outcomes.put_nowait(answer.get("error", {}).get("reason", "OK"))

        flood = [asyncio.create_task(call()) for _ in range(MOST_WAITING + REFUSED)]
        assert [await outcomes.get() for _ in range(REFUSED)] == ["OVERLOADED"] * REFUSED
        await flightdata.reached.acquire()
        customer = asyncio.create_task(call(authorization=f"Bearer {mesh.token}"))
        await flightdata.reached.acquire()
        assert sorted(flightdata.calls.values()) == [1, 1]
        flightdata.release.set()
        await asyncio.gather(customer, *flood)
        assert [await outcomes.get() for _ in range(MOST_WAITING + 1)] == ["OK"] * (MOST_WAITING + 1)
