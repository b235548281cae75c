"""Benches of flight data: speed of cached and sample searches, number of vendor calls, and cost of faults.

    python -m bench.flightdata [--json] [--markdown FILE]

`bench/flightdata/figures.py` lists what is measured, with the aims. Times are medians over rounds; the
markdown table shows their range too.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import logging
import os
import sys
import tempfile
import time
from collections import Counter, defaultdict
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from functools import partial
from pathlib import Path
from statistics import median
from typing import Any

import grpc
import structlog
import uvloop
from readback.flightdata.v1 import flights_pb2

from bench.flightdata.fault_schedules import Faulty, Tally, schedule, send_request
from bench.flightdata.figures import as_markdown
from bench.flightdata.sample_over_grpc import BEGUN
from bench.flightdata.service import FLIGHTDATA, asking, search_request, serving
from bench.transcript_log.interleaved_rounds import Spread
from cli.supervisor.child_processes import ended_by_signals, run
from doubles.aviationstack.server import AviationStackDouble
from doubles.flightapi.server import FlightApiDouble
from doubles.serving import served
from doubles.world import World
from mesh.clock import SystemClock
from mesh.settings import load
from services.flightdata.providers.budgets import Meter, Plan
from services.flightdata.providers.routing import ProviderRouter
from services.flightdata.quota.store import MemoryQuotaStore
from services.flightdata.settings import FlightDataSettings
from tests.redis_server import redis_server

ROUNDS, HITS, SCHEDULES, TRIALS = 3, 1_000, 200, 5
HEDGE_SECONDS, SECOND_SECONDS = 0.3, 0.2


async def cache_hit_vs_echo(home: Path) -> dict[str, float]:
    """Compare a cached search with an echo of the same messages, in alternating rounds."""
    async with AsyncExitStack() as stack:
        url = await stack.enter_async_context(served(FlightApiDouble(World()).app()))
        settings = load(
            FlightDataSettings,
            home=home,
            FLIGHTAPI_API_KEY="demo",
            FLIGHTAPI_BASE_URL=url,
            flightapi_monthly_credits=0,
        )
        address = await stack.enter_async_context(serving(settings))
        request = search_request("LON", "NYC")
        # Both calls use bare channels, so that only the servers differ.
        channel = await stack.enter_async_context(grpc.aio.insecure_channel(address))
        search = _call(channel, f"/{FLIGHTDATA.full_name}/SearchFlights")
        await _timed(search, request)
        messages = [message async for message in search(request)]
        echo = await stack.enter_async_context(_echo([message.SerializeToString() for message in messages]))
        pairs = [(await _timed(search, request), await _timed(echo, request)) for _ in range(HITS)]
    hit, bare = (median(times) for times in zip(*pairs, strict=True))
    return {
        "cache_hit_itineraries": sum(len(message.results.itineraries) for message in messages),
        "cache_hit_vs_echo": round(hit / bare, 2),
        "cache_hit_p50_ms": round(1000 * hit, 3),
        "echo_p50_ms": round(1000 * bare, 3),
    }


@asynccontextmanager
async def _echo(messages: list[bytes]) -> AsyncIterator[Any]:
    """Run a minimal server that streams these messages, and yield a callable for it."""

    async def stream(request: bytes, context: object) -> AsyncIterator[bytes]:  # noqa: ARG001 -- gRPC's signature
        for message in messages:
            yield message

    server = grpc.aio.server()
    handlers: dict[str, grpc.RpcMethodHandler[bytes, bytes]] = {
        "Echo": grpc.unary_stream_rpc_method_handler(stream)
    }
    server.add_generic_rpc_handlers([grpc.method_handlers_generic_handler("bench.Bench", handlers)])
    port = server.add_insecure_port("127.0.0.1:0")
    await server.start()
    async with grpc.aio.insecure_channel(f"127.0.0.1:{port}") as channel:
        yield _call(channel, "/bench.Bench/Echo")
    await server.stop(None)


def _call(channel: grpc.aio.Channel, method: str) -> Any:
    """Return a callable for a streaming search method, with a token."""
    call = channel.unary_stream(
        method,
        request_serializer=flights_pb2.SearchFlightsRequest.SerializeToString,
        response_deserializer=flights_pb2.SearchFlightsResponse.FromString,
    )
    return partial(call, metadata=(("authorization", "Bearer bench"),))


async def _timed(call: Any, request: flights_pb2.SearchFlightsRequest) -> float:
    begun = time.perf_counter()
    async for _ in call(request):
        pass
    return time.perf_counter() - begun


async def identical_misses_calls(home: Path) -> dict[str, float]:
    """Send 200 equal concurrent searches to two replicas and count the repeated vendor calls."""
    double = AviationStackDouble(World())
    with redis_server() as redis:
        async with served(double.app()) as url:
            settings = load(
                FlightDataSettings,
                home=home,
                AVIATIONSTACK_API_KEY="demo",
                AVIATIONSTACK_BASE_URL=f"{url}/v1",
                aviationstack_monthly_calls=0,
                aviationstack_spacing_seconds=0,
                redis_url=redis.url,
            )
            async with asking(settings) as one, asking(settings) as other:
                request = search_request("MAA", "DEL")
                await asyncio.gather(
                    *(_timed(stub.SearchFlights, request) for _ in range(100) for stub in (one, other))
                )
    repeats = Counter(json.dumps(call, sort_keys=True) for call in double.calls)
    return {"identical_misses_calls": max(repeats.values())}


async def hung_primary_vs_secondary() -> dict[str, float]:
    """Compare a search with a hanging and a healthy provider to a search with a healthy one only."""
    clock = SystemClock()
    meter = Meter("v", "key", Plan(), MemoryQuotaStore(clock), clock)
    took, alone = [], []
    for _ in range(TRIALS):
        hung = Faulty("hung", [(0.0, "hung")], meter, clock, SECOND_SECONDS)
        healthy = Faulty("healthy", [(0.0, "healthy")], meter, clock, SECOND_SECONDS)
        took.append(
            await _request_seconds(ProviderRouter([hung, healthy], clock, hedge_seconds=HEDGE_SECONDS))
        )
        alone.append(await _request_seconds(ProviderRouter([healthy], clock)))
    return {"hung_primary_vs_secondary": round(median(took) / (HEDGE_SECONDS + 1.2 * median(alone)), 3)}


async def _request_seconds(router: ProviderRouter) -> float:
    begun = time.perf_counter()
    assert await send_request(router)
    return time.perf_counter() - begun


async def sample_search(home: Path) -> dict[str, float]:
    """Measure sample searches in a fresh process."""
    command = [sys.executable, "-m", "bench.flightdata.sample_over_grpc", str(home)]
    child = await asyncio.to_thread(run, command, env=os.environ | {BEGUN: str(time.time())})
    child.check_returncode()
    found: dict[str, float] = json.loads(child.stdout.splitlines()[-1])
    return found


async def fault_schedules(count: int = SCHEDULES) -> dict[str, float]:
    """Run `count` random schedules, with the seeds 0, 1, 2 …"""
    tallies = [await schedule(seed) for seed in range(count)]
    total = sum(tallies, Tally())
    return {
        "fault_schedules_ok": sum(tally.holds for tally in tallies) / count,
        "fault_schedules_answered": total.answered / total.requests,
        "fault_schedules_to_the_sick": round(total.probes / max(1, total.while_open), 4),
        "fault_schedules_over_budget": total.over_budget,
    }


async def measure(home: Path) -> dict[str, Spread]:
    """Run every bench in rounds."""
    rounds: dict[str, list[float]] = defaultdict(list)
    for number in range(ROUNDS):
        for part in (
            sample_search(home / f"sample{number}"),
            cache_hit_vs_echo(home / f"hits{number}"),
            hung_primary_vs_secondary(),
        ):
            _add(rounds, await part)
    for part in (identical_misses_calls(home / "misses"), fault_schedules()):
        _add(rounds, await part)
    return {key: Spread.of(values) for key, values in rounds.items()}


def _add(rounds: dict[str, list[float]], found: dict[str, float]) -> None:
    for key, value in found.items():
        rounds[key].append(value)


@ended_by_signals()
def main() -> None:
    """Print the figures."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--json", action="store_true", help="one JSON object instead of lines")
    parser.add_argument("--markdown", type=Path, metavar="FILE", help="also write a markdown table")
    options = parser.parse_args()
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.ERROR))
    logging.disable(logging.WARNING)
    with tempfile.TemporaryDirectory() as home:
        found = uvloop.run(measure(Path(home)))
    medians = {key: spread.median for key, spread in found.items()}
    print(
        json.dumps(medians)
        if options.json
        else "\n".join(f"{key:32}{value:>12}" for key, value in medians.items())
    )
    if options.markdown:
        options.markdown.write_text(as_markdown(found), encoding="utf-8")


if __name__ == "__main__":
    main()
