"""The testbed: PostgreSQL, Redis, identity and a room server, and the measured services started on them."""

from __future__ import annotations

import asyncio
import tempfile
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from functools import cached_property, partial
from pathlib import Path
from typing import TypeVar

import grpc
import psycopg
from readback.conversation.v1 import conversation_service_pb2 as pb
from readback.conversation.v1.conversation_service_pb2_grpc import ConversationServiceStub
from readback.identity.v1 import identity_service_pb2
from readback.identity.v1.identity_service_pb2_grpc import IdentityServiceStub
from readback.internal.identity.v1.identity_internal_service_pb2_grpc import IdentityInternalServiceStub

from bench.transcript_log.interleaved_rounds import Rounds, interleaved
from bench.transcript_log.testbed.processes import ASKING, SERVING, on_core, process
from bench.transcript_log.testbed.tcp_servers import room_server
from mesh.ids import uuid7
from mesh.security.authentication import bearer
from mesh.security.secrets import SecretStore
from mesh.security.workload_identity import WorkloadIdentity
from tests.postgres_server import PostgresServer, postgres_server
from tests.product import environment_for
from tests.redis_server import RedisServer, redis_server

TOKEN_SECONDS = "3600"
"""Lifetime of tokens. A watch ends when its token expires, which must not happen during a measurement."""
_UVICORN_OPTIONS = (
    "--loop uvloop --http httptools --timeout-keep-alive 600 --no-access-log --log-level warning"
)
T = TypeVar("T")

Metadata = tuple[tuple[str, str], ...]


def own_connection(address: str) -> grpc.aio.Channel:
    """Return a channel that shares its connection with no other channel."""
    return grpc.aio.insecure_channel(address, options=[("grpc.use_local_subchannel_pool", 1)])


@dataclass(frozen=True, slots=True)
class Customer:
    """A customer who is signed in."""

    metadata: Metadata
    """The customer's token, as metadata of RPCs."""

    async def start_conversation(self, channel: grpc.aio.Channel) -> str:
        """Start a conversation over a channel to the conversation service, and return its ID."""
        request = pb.StartConversationRequest(request_id=uuid7())
        response = await ConversationServiceStub(channel).StartConversation(request, metadata=self.metadata)
        return response.conversation.conversation_id

    async def start_call(self, channel: grpc.aio.Channel) -> pb.Call:
        """Start a call in a new conversation."""
        request = pb.StartCallRequest(
            conversation_id=await self.start_conversation(channel), request_id=uuid7()
        )
        return (await ConversationServiceStub(channel).StartCall(request, metadata=self.metadata)).call


@dataclass(frozen=True, slots=True)
class Server:
    """A server that is measured."""

    port: int
    pid: int

    @property
    def address(self) -> str:
        """`host:port`."""
        return f"127.0.0.1:{self.port}"


@dataclass(frozen=True)
class Effort:
    """Length of a measurement."""

    rounds: int = 5
    """Number of rounds; each runs the sides in the order A B B A."""
    seconds: float = 2.0
    """Duration of one run under load."""

    def scaled(self, count: int) -> int:
        """Return `count` for a full measurement, a fifth of it for a short measurement."""
        return count if self.is_full else max(1, count // 5)

    @property
    def is_full(self) -> bool:
        """True if the results are for publication, False if they only detect a regression."""
        return self.rounds >= Effort.rounds


class Testbed:
    """The servers that all measurements of a run share."""

    __test__ = False  # pytest would collect a class of this name as tests

    def __init__(
        self, folder: Path, stack: AsyncExitStack, effort: Effort, progress: Callable[[str], None]
    ) -> None:
        self.folder, self._stack, self.effort, self.progress = folder, stack, effort, progress
        self.home = folder / "home"
        self._identity_address = self._livekit_url = ""

    async def start(self) -> None:
        """Start identity and the room server."""
        self._livekit_url = await self._stack.enter_async_context(room_server())
        environment = environment_for(self.home, READBACK_IDENTITY_CUSTOMER_TOKEN_SECONDS=TOKEN_SECONDS)
        port, command = int(environment["READBACK_IDENTITY_PORT"]), _service_command("identity")
        log = self._log("identity")
        serving = process(*command, environment=environment, port=port, log=log, core=ASKING)
        await self._stack.enter_async_context(serving)
        self._identity_address = f"127.0.0.1:{port}"
        channel = await self._stack.enter_async_context(own_connection(self._identity_address))
        self._identity = IdentityServiceStub(channel)
        key = SecretStore(self.home / "secrets").actor_key("agent")
        self._agent = WorkloadIdentity("agent", key, IdentityInternalServiceStub(channel))

    async def compare(
        self, what: str, sides: Mapping[str, Callable[[], Awaitable[T]]], *, rounds: int | None = None
    ) -> Rounds[T]:
        """Run the sides in interleaved rounds, `effort.rounds` of them, and show the progress."""
        return await interleaved(sides, rounds or self.effort.rounds, done=partial(self.progress, what))

    @cached_property
    def postgres(self) -> PostgresServer:
        """PostgreSQL with its durable defaults, started at the first use."""
        with on_core(SERVING):
            return self._stack.enter_context(postgres_server())

    @cached_property
    def redis(self) -> RedisServer:
        """Redis, started at the first use."""
        with on_core(SERVING):
            return self._stack.enter_context(redis_server())

    async def new_database(self, kind: str) -> str:
        """Return the URL of a new database, `pg` or `sqlite`."""
        if kind == "sqlite":
            return f"sqlite+aiosqlite:///{tempfile.mkdtemp(dir=self.folder)}/conversation.sqlite3"
        return await asyncio.to_thread(self.postgres.new_database)

    @asynccontextmanager
    async def conversation_service(
        self, database: str, *, wake_ups: bool = False, core: int = SERVING, nice: int = 0
    ) -> AsyncIterator[Server]:
        """Run the unchanged conversation service on a database; with `wake_ups`, it uses Redis."""
        settings = {
            "READBACK_IDENTITY_ADDRESS": self._identity_address,
            "READBACK_CONVERSATION_DATABASE_URL": database,
            "READBACK_REDIS_URL": self.redis.url if wake_ups else "",
            "LIVEKIT_URL": self._livekit_url,
            # A measurement has few customers, each with the calls and watches of many.
            "READBACK_CONVERSATION_CALLS_PER_CUSTOMER": "1000",
            "READBACK_CONVERSATION_STARTS_PER_MINUTE": "100000",
            "READBACK_CONVERSATION_WATCHES_PER_CUSTOMER": "100000",
        }
        environment = environment_for(self.home, **settings)
        port, command = int(environment["READBACK_CONVERSATION_PORT"]), _service_command("conversation")
        log = self._log("conversation")
        serving = process(*command, environment=environment, port=port, log=log, core=core, nice=nice)
        async with serving as pid:
            yield Server(port, pid)

    @asynccontextmanager
    async def rest_service(self, module: str, database: str) -> AsyncIterator[Server]:
        """Run `bench.baselines.<module>` under uvicorn with its fast options, as one process."""
        if module == "rest_strong":
            database = database.replace("+psycopg", "")
        environment = environment_for(self.home, DATABASE_URL=database.replace("+aiosqlite", ""))
        port = int(environment["READBACK_UI_PORT"])
        app = ("-m", "uvicorn", f"bench.baselines.{module}:app", "--port", str(port))
        command, log = (*app, *_UVICORN_OPTIONS.split()), self._log(module)
        serving = process(*command, environment=environment, port=port, log=log, core=SERVING)
        async with serving as pid:
            yield Server(port, pid)

    async def execute(self, database: str, *statements: str) -> None:
        """Run statements on a PostgreSQL database, each in its own transaction."""
        async with await psycopg.AsyncConnection.connect(
            database.replace("+psycopg", ""), autocommit=True
        ) as connection:
            for statement in statements:
                await connection.execute(statement.encode())

    async def new_customer(self) -> Customer:
        """Register a customer and sign in."""
        request = identity_service_pb2.RegisterRequest(
            email=f"{uuid7()}@example.com", password="a long walk in the park", display_name="Asha"
        )
        return Customer(bearer((await self._identity.Register(request)).tokens.access_token))

    async def agent_metadata(self) -> Metadata:
        """Return metadata with an agent's token, which may open `Record` streams."""
        return bearer(await self._agent.own_token())

    def last_warnings(self) -> str:
        """Return the last warnings and errors of the conversation service."""
        log = self._log("conversation")
        lines = log.read_text(errors="replace").splitlines() if log.exists() else []
        return "\n".join([line for line in lines if '"level": "info"' not in line][-5:])

    def _log(self, name: str) -> Path:
        return self.folder / f"{name}.log"


def _service_command(name: str) -> tuple[str, str]:
    """Return the command line of `readback serve`, changed so that tracebacks are logged."""
    return "-c", f"from services.{name}.app import main; main()"


@asynccontextmanager
async def running_testbed(effort: Effort, progress: Callable[[str], None]) -> AsyncIterator[Testbed]:
    """Start the shared servers in a temporary folder."""
    with tempfile.TemporaryDirectory(prefix="readback-bench-") as folder:
        async with AsyncExitStack() as stack:
            bed = Testbed(Path(folder), stack, effort, progress)
            await bed.start()
            yield bed
