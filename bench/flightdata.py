"""Flight data: how fast what is known is told, how seldom vendors are asked, and what a fault costs.

    python -m bench.flightdata [--json]

| key | what | aim |
|---|---|---|
| `cache_hit_vs_echo` | p50 of a cached search ÷ p50 of a bare `grpc.aio` echo of the same messages, taken in turns | ≤ 1.5 |
| `identical_misses_calls` | how often the vendor got the same call, for 200 equal searches at once on two replicas over one Redis | 1 |
| `hung_primary_vs_secondary` | p50 of a question whose first provider hangs ÷ (hedge delay + 1.2 × the second's p50) | ≤ 1 |
| `sample_search_p50_ms`, `_p99_ms` | searches of the sample over gRPC, 1,000 pairs of busy cities | ≤ 5, ≤ 25 |
| `sample_search_rss_mb`, `startup_seconds` | of a process of its own that serves and asks them | ≤ 250, ≤ 2 |
| `fault_schedules_ok` | share of 200 random fault schedules that hold what `flightdata_faults.Tally.holds` says | 1 |
"""

from __future__ import annotations

import argparse
import asyncio
import json
import logging
import os
import random
import resource
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from statistics import median, quantiles
from typing import Any

import grpc
import structlog
import uvloop
from google.type.date_pb2 import Date
from readback.flightdata.v1 import flightdata_service_pb2 as pb
from readback.flightdata.v1.flightdata_service_pb2_grpc import FlightDataServiceStub
from readback.options.v1 import options_pb2

from bench.flightdata_faults import Faulty, Tally, schedule
from doubles.aviationstack import AviationStackDouble
from doubles.flightapi import FlightApiDouble
from doubles.serving import served
from doubles.world import World
from mesh.auth import Principal
from mesh.channel import open_channel
from mesh.clock import SystemClock
from mesh.server import running
from mesh.settings import load
from services.flightdata import places
from services.flightdata.app import member
from services.flightdata.budgets import Meter, Plan
from services.flightdata.providers import Capability
from services.flightdata.routing import Answered, ProviderRouter
from services.flightdata.settings import FlightDataSettings
from services.flightdata.shared.ledger import MemoryLedger
from tests.redis_server import redis_server

FLIGHTDATA = pb.DESCRIPTOR.services_by_name["FlightDataService"]
HITS, PAIRS, BUSY, SCHEDULES, TRIALS = 2_000, 1_000, 150, 200, 9
HEDGE_SECONDS, SECOND_SECONDS = 0.3, 0.2
CHILD = "--sample-of-its-own"


class _Anyone:
    """Takes every caller for one customer: tokens have a bench of their own."""

    async def verify(self, token: str) -> Principal:
        """The customer."""
        expires = datetime.now(UTC) + timedelta(hours=1)
        return Principal(options_pb2.ACCESS_CUSTOMER, "bench", "bench", None, None, None, None, expires, token)


@asynccontextmanager
async def _service(settings: FlightDataSettings) -> AsyncIterator[str]:
    """The address of a service of its own."""
    async with member(settings) as flightdata:
        anyones = replace(flightdata, verifier=_Anyone())  # type: ignore[arg-type]  # only asked to verify
        async with running(anyones) as server:
            yield server.address


@asynccontextmanager
async def _stub(settings: FlightDataSettings) -> AsyncIterator[Any]:
    """A caller of a service of its own."""

    async def token() -> str:
        return "bench"

    async with AsyncExitStack() as stack:
        address = await stack.enter_async_context(_service(settings))
        yield FlightDataServiceStub(await stack.enter_async_context(open_channel(address, FLIGHTDATA, tokens=token)))


def _request(origin: str, destination: str) -> pb.SearchFlightsRequest:
    day = datetime.now(UTC).date() + timedelta(days=2)
    return pb.SearchFlightsRequest(
        origin=origin, destination=destination, depart_date=Date(year=day.year, month=day.month, day=day.day), max_results=20
    )


def _vendor_settings(home: Path, url: str, **more: Any) -> FlightDataSettings:
    return load(
        FlightDataSettings,
        home=home,
        AVIATIONSTACK_API_KEY="demo",
        AVIATIONSTACK_BASE_URL=f"{url}/v1",
        aviationstack_monthly_calls=0,
        aviationstack_spacing_seconds=0,
        **more,
    )


async def cache_hit_vs_echo(home: Path) -> dict[str, float]:
    """A cached search and an echo of its messages, one after the other."""
    async with AsyncExitStack() as stack:
        url = await stack.enter_async_context(served(FlightApiDouble(World()).app()))
        settings = load(FlightDataSettings, home=home, FLIGHTAPI_API_KEY="demo", FLIGHTAPI_BASE_URL=url, flightapi_monthly_credits=0)
        address = await stack.enter_async_context(_service(settings))
        request = _request("LON", "NYC")
        # Both are called over bare channels: it is the service that is measured.
        search = _call(await stack.enter_async_context(grpc.aio.insecure_channel(address)), f"/{FLIGHTDATA.full_name}/SearchFlights")
        await _timed(search, request)
        told = [message async for message in search(request)]
        echo = await stack.enter_async_context(_echo([message.SerializeToString() for message in told]))
        pairs = [(await _timed(search, request), await _timed(echo, request)) for _ in range(HITS)]
    hit, bare = (median(times) for times in zip(*pairs, strict=True))
    return {
        "cache_hit_itineraries": sum(len(message.results.itineraries) for message in told),
        "cache_hit_vs_echo": round(hit / bare, 2),
        "cache_hit_p50_ms": round(1000 * hit, 3),
        "echo_p50_ms": round(1000 * bare, 3),
    }


@asynccontextmanager
async def _echo(messages: list[bytes]) -> AsyncIterator[Any]:
    """A bare server that streams these bytes, and how to call it."""

    async def say(request: bytes, context: object) -> AsyncIterator[bytes]:  # noqa: ARG001 -- as gRPC calls it
        for message in messages:
            yield message

    server = grpc.aio.server()
    handlers: dict[str, grpc.RpcMethodHandler[bytes, bytes]] = {"Echo": grpc.unary_stream_rpc_method_handler(say)}
    server.add_generic_rpc_handlers([grpc.method_handlers_generic_handler("bench.Bench", handlers)])
    port = server.add_insecure_port("127.0.0.1:0")
    await server.start()
    async with grpc.aio.insecure_channel(f"127.0.0.1:{port}") as channel:
        yield _call(channel, "/bench.Bench/Echo")
    await server.stop(None)


def _call(channel: grpc.aio.Channel, method: str) -> Any:
    """A search's call of a method, with a token."""
    call = channel.unary_stream(
        method,
        request_serializer=pb.SearchFlightsRequest.SerializeToString,
        response_deserializer=pb.SearchFlightsResponse.FromString,
    )
    return partial(call, metadata=(("authorization", "Bearer bench"),))


async def _timed(call: Any, request: pb.SearchFlightsRequest) -> float:
    begun = time.perf_counter()
    async for _ in call(request):
        pass
    return time.perf_counter() - begun


async def identical_misses_calls(home: Path) -> dict[str, float]:
    """200 equal searches at once, two replicas."""
    double = AviationStackDouble(World())
    with redis_server() as redis:
        async with served(double.app()) as url:
            settings = _vendor_settings(home, url, redis_url=redis.url)
            async with _stub(settings) as one, _stub(settings) as other:
                request = _request("MAA", "DEL")
                await asyncio.gather(*(_timed(stub.SearchFlights, request) for _ in range(100) for stub in (one, other)))
    repeats = Counter(json.dumps(call, sort_keys=True) for call in double.calls)
    return {"identical_misses_calls": max(repeats.values())}


async def hung_primary_vs_secondary() -> dict[str, float]:
    """A first provider that says nothing, and a second that does after a while."""
    clock = SystemClock()
    meter = Meter("v", "key", Plan(), MemoryLedger(clock), clock)
    took, alone = [], []
    for _ in range(TRIALS):
        hung = Faulty("hung", [(0.0, "hung")], meter, clock, SECOND_SECONDS)
        well = Faulty("well", [(0.0, "well")], meter, clock, SECOND_SECONDS)
        took.append(await _asked(ProviderRouter([hung, well], clock, hedge_seconds=HEDGE_SECONDS)))
        alone.append(await _asked(ProviderRouter([well], clock)))
    return {"hung_primary_vs_secondary": round(median(took) / (HEDGE_SECONDS + 1.2 * median(alone)), 3)}


async def _asked(router: ProviderRouter) -> float:
    begun = time.perf_counter()
    asked = router.ask(Capability.STATUS, lambda provider: provider.status("AI1", None), empty=lambda _: False)
    assert any([isinstance(event, Answered) async for event in asked])
    return time.perf_counter() - begun


async def sample_search(home: Path) -> dict[str, float]:
    """1,000 pairs of busy cities, in this process: start it afresh."""
    begun = float(os.environ["BENCH_BEGUN"])
    async with _stub(load(FlightDataSettings, home=home)) as stub:
        startup = time.time() - begun
        busy = sorted(places.load().airports.values(), key=lambda airport: -airport.rank)[:BUSY]
        dice = random.Random(1)
        pairs = [dice.sample(busy, 2) for _ in range(2 * PAIRS)]
        requests = [_request(one.code, other.code) for one, other in pairs if one.metro != other.metro][:PAIRS]
        times = [1000 * await _timed(stub.SearchFlights, request) for request in requests]
    return {
        "sample_search_p50_ms": round(median(times), 2),
        "sample_search_p99_ms": round(quantiles(times, n=100)[98], 2),
        "sample_search_rss_mb": round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024, 1),
        "startup_seconds": round(startup, 2),
    }


async def fault_schedules(count: int = SCHEDULES) -> dict[str, float]:
    """Random schedules, seeds 0, 1, 2 …"""
    tallies = [await schedule(seed) for seed in range(count)]
    whole = sum(tallies, Tally())
    return {
        "fault_schedules_ok": sum(tally.holds for tally in tallies) / count,
        "fault_schedules_answered": whole.answered / whole.questions,
        "fault_schedules_to_the_sick": round(whole.probes / max(1, whole.while_open), 4),
        "fault_schedules_over_budget": whole.over_budget,
    }


async def measure(home: Path) -> dict[str, float]:
    """Everything."""
    command = [sys.executable, "-m", "bench.flightdata", CHILD, str(home / "sample")]
    child = await asyncio.to_thread(
        subprocess.run, command, env=os.environ | {"BENCH_BEGUN": str(time.time())}, capture_output=True, text=True, check=True
    )
    found: dict[str, float] = json.loads(child.stdout.splitlines()[-1])
    found |= await cache_hit_vs_echo(home / "hits")
    found |= await identical_misses_calls(home / "misses")
    found |= await hung_primary_vs_secondary()
    return found | await fault_schedules()


def main() -> None:
    """Prints the figures."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--json", action="store_true", help="one JSON object instead of lines")
    parser.add_argument(CHILD, dest="child", type=Path, help=argparse.SUPPRESS)
    options = parser.parse_args()
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.ERROR))
    logging.disable(logging.WARNING)
    if options.child:
        print(json.dumps(uvloop.run(sample_search(options.child))))
        return
    with tempfile.TemporaryDirectory() as home:
        found = uvloop.run(measure(Path(home)))
    print(json.dumps(found) if options.json else "\n".join(f"{key:32}{value:>12}" for key, value in found.items()))


if __name__ == "__main__":
    main()
