"""The attacks, each in a process of its own at low priority, from addresses of its own.

python -m bench.starvation.attacks NAME TARGETS_AS_JSON
"""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import json
import sys
from collections.abc import Awaitable, Callable, Iterator, Mapping
from contextlib import AsyncExitStack
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime, timedelta

import grpc
import httpx
from grpc_health.v1 import health_pb2
from readback.conversation.v1 import conversation_service_pb2 as conversation
from readback.conversation.v1.conversation_service_pb2_grpc import ConversationServiceStub
from readback.identity.v1 import identity_service_pb2 as identity

from mesh.ids import uuid7
from mesh.security.authentication import bearer
from tests.raw_http2 import PREFACE, RawConnection, message, raw_connection

SOURCES = 30
"""Addresses of an attacker."""
GUESSES_PER_SECOND = 30
CONNECTIONS, CONNECTIONS_PER_SECOND, STREAMS = 3000, 150, 4
AT_ONCE = 32
LOGIN = "/readback.identity.v1.IdentityService/Login"
REGISTER = "/readback.identity.v1.IdentityService/Register"


@dataclass(frozen=True, slots=True)
class Targets:
    """Addresses, accounts and tokens of an attack."""

    addresses: Mapping[str, str]
    email: str
    """The account whose password is guessed."""
    tokens: list[str]
    """Of the attacker's own accounts."""
    log: str = ""
    """Conversation of the first account with a long log."""
    logs_to_delete: list[str] = field(default_factory=list)
    """Further conversations with long logs."""

    def encoded(self) -> str:
        """Return the targets as JSON."""
        return json.dumps(asdict(self))


async def guess(targets: Targets) -> None:
    """Guess the password of one account."""
    requests = (
        identity.LoginRequest(email=targets.email, password=f"guess {number}") for number in itertools.count()
    )
    bodies = ((LOGIN, request.SerializeToString()) for request in requests)
    await _send(targets.addresses["identity"], bodies, GUESSES_PER_SECOND)


async def flood_with_passwords(targets: Targets) -> None:
    """Sign in to accounts that don't exist, and register accounts: each costs a password hash."""

    def bodies() -> Iterator[tuple[str, bytes]]:
        for number in itertools.count():
            email, password = f"{uuid7()}@example.com", f"password number {number}"
            yield LOGIN, identity.LoginRequest(email=email, password=password).SerializeToString()
            register = identity.RegisterRequest(email=email, password=password, display_name="x")
            yield REGISTER, register.SerializeToString()

    await _send(targets.addresses["identity"], bodies(), 2 * GUESSES_PER_SECOND)


async def _send(address: str, bodies: Iterator[tuple[str, bytes]], per_second: int) -> None:
    """Send requests at a rate, from many addresses in turn."""
    async with AsyncExitStack() as stack:
        callers = [
            await stack.enter_async_context(raw_connection(address, source=source)) for source in _sources()
        ]
        reading = [asyncio.create_task(_read(caller)) for caller in callers]
        for caller in itertools.cycle(callers):
            path, body = next(bodies)
            caller.open(path, body=message(body), end=True)
            await asyncio.sleep(1 / per_second)
        await asyncio.gather(*reading)


async def _read(caller: RawConnection) -> None:
    async for _ in caller.frames():
        pass


def _sources() -> list[str]:
    return [f"127.0.9.{number}" for number in range(1, SOURCES + 1)]


async def flood_with_connections(targets: Targets) -> None:
    """Keep many connections: silent ones, idle ones, slow requests, health watches, and streams of pings."""
    slots = asyncio.Semaphore(CONNECTIONS)
    addresses = itertools.cycle(
        targets.addresses[part] for part in ("identity", "conversation", "flightdata")
    )
    sources, tasks = itertools.cycle(_sources()), set[asyncio.Task[None]]()
    for kind in itertools.cycle(range(4)):
        await slots.acquire()
        task = asyncio.create_task(_hold(next(addresses), next(sources), kind))
        tasks.add(task)
        task.add_done_callback(tasks.discard)
        task.add_done_callback(lambda _: slots.release())
        await asyncio.sleep(1 / CONNECTIONS_PER_SECOND)


async def _hold(address: str, source: str, kind: int) -> None:
    with contextlib.suppress(OSError, asyncio.IncompleteReadError):
        if kind == 0:
            async with raw_connection(address, source=source, begin=PREFACE[:10]) as caller:
                await caller.closed()
            return
        async with raw_connection(address, source=source) as caller:
            if kind == 1:
                for _ in range(STREAMS):
                    caller.open(LOGIN)
            if kind == 2:
                body = message(health_pb2.HealthCheckRequest().SerializeToString())
                for _ in range(STREAMS):
                    caller.open("/grpc.health.v1.Health/Watch", body=body, end=True)
            await _read(caller)


async def use_a_long_log(targets: Targets) -> None:
    """Search, list, export and delete logs of 768 × 20,000 characters."""
    async with grpc.aio.insecure_channel(targets.addresses["conversation"]) as channel:
        stub, metadata = ConversationServiceStub(channel), bearer(targets.tokens[0])
        search = conversation.SearchEntriesRequest(query="morning flight", page_size=100)
        entries = conversation.ListEntriesRequest(conversation_id=targets.log, page_size=500)
        file = conversation.ExportTranscriptRequest(
            conversation_id=targets.log, format=conversation.TRANSCRIPT_FORMAT_JSON
        )

        async def export() -> None:
            async for _ in stub.ExportTranscript(file, metadata=metadata):
                pass

        async def delete() -> None:
            if targets.logs_to_delete:
                request = conversation.DeleteConversationRequest(
                    conversation_id=targets.logs_to_delete.pop(), request_id=uuid7()
                )
                await stub.DeleteConversation(request, metadata=metadata)
            await asyncio.sleep(2)

        async def find() -> None:
            await stub.SearchEntries(search, metadata=metadata)

        async def read() -> None:
            await stub.ListEntries(entries, metadata=metadata)

        await _repeat(find, read, export, delete)


async def flood_mcp(targets: Targets) -> None:
    """Search for flights over MCP without a token, from many addresses."""
    days = itertools.cycle(range(1, 300))
    async with AsyncExitStack() as stack:
        clients = []
        for source in _sources():
            transport = httpx.AsyncHTTPTransport(local_address=source)
            client = httpx.AsyncClient(transport=transport, trust_env=False, timeout=30)
            clients.append(await stack.enter_async_context(client))
        turns = itertools.cycle(clients)

        async def search() -> None:
            day = datetime.now(UTC).date() + timedelta(days=next(days))
            leg = {"origin": "MAA", "destination": "DEL", "departure_date": day.isoformat()}
            call = {"name": "search_flights", "arguments": {"legs": [leg]}}
            body = {"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": call}
            headers = {"accept": "application/json, text/event-stream"}
            await next(turns).post(f"http://{targets.addresses['gateway']}/mcp", json=body, headers=headers)

        await _repeat(search)


async def be_greedy(targets: Targets) -> None:
    """Start conversations and calls, and watch everything, as fast as possible with a few accounts."""
    tokens = itertools.cycle(targets.tokens)
    async with grpc.aio.insecure_channel(targets.addresses["conversation"]) as channel:
        stub = ConversationServiceStub(channel)

        async def start() -> None:
            metadata = bearer(next(tokens))
            request = conversation.StartConversationRequest(request_id=uuid7())
            started = await stub.StartConversation(request, metadata=metadata)
            call = conversation.StartCallRequest(
                conversation_id=started.conversation.conversation_id, request_id=uuid7()
            )
            await stub.StartCall(call, metadata=metadata)

        async def watch() -> None:
            async for _ in stub.Watch(conversation.WatchRequest(), metadata=bearer(next(tokens)), timeout=5):
                pass

        await _repeat(start, watch)


async def _repeat(*actions: Callable[[], Awaitable[None]]) -> None:
    """Repeat actions without end, several at the same time, and ignore errors."""

    async def one(action: Callable[[], Awaitable[None]]) -> None:
        while True:
            try:
                await action()
            except (grpc.aio.AioRpcError, httpx.HTTPError):
                await asyncio.sleep(0.02)

    async with asyncio.TaskGroup() as tasks:
        for _ in range(AT_ONCE // len(actions)):
            for action in actions:
                tasks.create_task(one(action))


ATTACKS: Mapping[str, Callable[[Targets], Awaitable[None]]] = {
    "guessing": guess,
    "password flood": flood_with_passwords,
    "connection flood": flood_with_connections,
    "long log": use_a_long_log,
    "MCP flood": flood_mcp,
    "greedy caller": be_greedy,
}


if __name__ == "__main__":
    asyncio.run(ATTACKS[sys.argv[1]](Targets(**json.loads(sys.argv[2]))))  # type: ignore[arg-type]  # coroutines
