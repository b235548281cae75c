"""What all measurements stand on: PostgreSQL, Redis, identity and rooms; and the two kinds of services that are started on it."""

from __future__ import annotations

import asyncio
import tempfile
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import psycopg
from readback.identity.v1.identity_service_pb2_grpc import IdentityServiceStub

from bench.transcript_log.empty_rooms import empty_rooms
from bench.transcript_log.testbed.cores import ASKING, SERVING, on_core
from bench.transcript_log.testbed.customers import Customer, Metadata, own_connection, registered
from bench.transcript_log.testbed.processes import process
from mesh.security.authentication import bearer
from mesh.security.secrets import SecretStore
from mesh.security.workload_identity import WorkloadIdentity
from tests.postgres_server import PostgresServer, postgres_server
from tests.product import environment_for
from tests.redis_server import RedisServer, redis_server

TOKEN_SECONDS = "3600"
"""Lifetime: a watch ends with its token, and none may end while it is measured."""


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
    """How long everything is measured."""

    rounds: int = 5
    """Rounds of A B B A."""
    seconds: float = 2.0
    """Length of one run under load."""

    def few(self, usual: int) -> int:
        """So many in a full run, a fifth in a short one."""
        return usual if self.whole else max(1, usual // 5)

    @property
    def whole(self) -> bool:
        """Whether figures are to be published, and not only to warn."""
        return self.rounds >= Effort.rounds


class Stage:
    """The servers that are shared by a run."""

    def __init__(
        self, folder: Path, stack: AsyncExitStack, effort: Effort, say: Callable[[str], None]
    ) -> None:
        self.folder, self._stack, self.effort, self.say = folder, stack, effort, say
        self.home = folder / "home"
        self._identity_address = self._rooms = ""

    async def start(self) -> None:
        """Starts identity and the rooms."""
        self._rooms = await self._stack.enter_async_context(empty_rooms())
        environment = environment_for(self.home, READBACK_IDENTITY_CUSTOMER_TOKEN_SECONDS=TOKEN_SECONDS)
        port = int(environment["READBACK_IDENTITY_PORT"])
        serving = process(
            *_service("identity"), environment=environment, port=port, log=self._log("identity"), core=ASKING
        )
        await self._stack.enter_async_context(serving)
        self._identity_address = f"127.0.0.1:{port}"
        self._identity = IdentityServiceStub(
            await self._stack.enter_async_context(own_connection(self._identity_address))
        )
        key = SecretStore(self.home / "secrets").actor_key("agent")
        self._agent = WorkloadIdentity("agent", key, self._identity)

    @cached_property
    def postgres(self) -> PostgresServer:
        """PostgreSQL, with durable defaults, started when first needed."""
        with on_core(SERVING):
            return self._stack.enter_context(postgres_server())

    @cached_property
    def redis(self) -> RedisServer:
        """Redis, started when first needed."""
        with on_core(SERVING):
            return self._stack.enter_context(redis_server())

    @property
    def postgres_pid(self) -> int:
        """The process that PostgreSQL's others are children of."""
        return int((self.postgres.folder / "data" / "postmaster.pid").read_text().split()[0])

    async def database(self, kind: str) -> str:
        """The URL of a new database, `pg` or `sqlite`."""
        if kind == "sqlite":
            return f"sqlite+aiosqlite:///{tempfile.mkdtemp(dir=self.folder)}/conversation.sqlite3"
        return await asyncio.to_thread(self.postgres.new_database)

    @asynccontextmanager
    async def conversation(
        self, database: str, *, wake_ups: bool = False, core: int = SERVING, nice: int = 0
    ) -> AsyncIterator[Server]:
        """The conversation service as it is shipped, on a database; with `wake_ups` over Redis."""
        settings = {
            "READBACK_IDENTITY_ADDRESS": self._identity_address,
            "READBACK_CONVERSATION_DATABASE_URL": database,
            "READBACK_REDIS_URL": self.redis.url if wake_ups else "",
            "LIVEKIT_URL": self._rooms,
        }
        environment = environment_for(self.home, **settings)
        port = int(environment["READBACK_CONVERSATION_PORT"])
        log = self._log("conversation")
        async with process(
            *_service("conversation"), environment=environment, port=port, log=log, core=core, nice=nice
        ) as pid:
            yield Server(port, pid)

    @asynccontextmanager
    async def rest(self, module: str, database: str) -> AsyncIterator[Server]:
        """`bench.baselines.<module>` under uvicorn with its fast parts, as one process."""
        if module == "rest_strong":
            database = database.replace("+psycopg", "")
        environment = environment_for(self.home, DATABASE_URL=database.replace("+aiosqlite", ""))
        port = int(environment["READBACK_UI_PORT"])
        fast = (
            "--loop",
            "uvloop",
            "--http",
            "httptools",
            "--timeout-keep-alive",
            "600",
            "--no-access-log",
            "--log-level",
            "warning",
        )
        command = ("-m", "uvicorn", f"bench.baselines.{module}:app", "--port", str(port), *fast)
        async with process(
            *command, environment=environment, port=port, log=self._log(module), core=SERVING
        ) as pid:
            yield Server(port, pid)

    async def sql(self, database: str, *statements: str) -> None:
        """Runs statements on a PostgreSQL database, each committed by itself."""
        async with await psycopg.AsyncConnection.connect(
            database.replace("+psycopg", ""), autocommit=True
        ) as connection:
            for statement in statements:
                await connection.execute(statement.encode())

    async def customer(self) -> Customer:
        """A new customer."""
        return await registered(self._identity)

    async def agent(self) -> Metadata:
        """Carries the agent's own token, which opens `Record` streams."""
        return bearer(await self._agent.own_token())

    def complaints(self) -> str:
        """The last that a conversation service had to complain of."""
        log = self._log("conversation")
        lines = log.read_text(errors="replace").splitlines() if log.exists() else []
        return "\n".join([line for line in lines if '"level": "info"' not in line][-5:])

    def _log(self, name: str) -> Path:
        return self.folder / f"{name}.log"


def _service(name: str) -> tuple[str, str]:
    """What `readback serve` runs; started like this, a traceback lands in the log here."""
    return "-c", f"from services.{name}.app import main; main()"


@asynccontextmanager
async def stage(effort: Effort, say: Callable[[str], None]) -> AsyncIterator[Stage]:
    """Everything that is shared, in a folder of its own that is deleted afterwards."""
    with tempfile.TemporaryDirectory(prefix="readback-bench-") as folder:
        async with AsyncExitStack() as stack:
            made = Stage(Path(folder), stack, effort, say)
            await made.start()
            yield made
