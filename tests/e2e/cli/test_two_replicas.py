"""Two processes of `readback serve conversation` on one PostgreSQL and Redis; one is stopped under load."""

from __future__ import annotations

import asyncio
import contextlib
import signal
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import grpc
import httpx
import pytest
from readback.conversation.v1 import conversation_service_pb2 as pb
from readback.conversation.v1.conversation_service_pb2_grpc import ConversationServiceStub
from readback.identity.v1 import identity_service_pb2
from readback.identity.v1.identity_service_pb2_grpc import IdentityServiceStub

from cli.supervisor import child_processes
from mesh.calling.channel import open_channel
from mesh.ids import uuid7
from tests.product import READBACK, START_SECONDS, environment_for, free_ports

if TYPE_CHECKING:
    from tests.postgres_server import PostgresServer
    from tests.redis_server import RedisServer

pytestmark = pytest.mark.e2e

CONVERSATION = pb.DESCRIPTOR.services_by_name["ConversationService"]
IDENTITY = identity_service_pb2.DESCRIPTOR.services_by_name["IdentityService"]


class Served:
    """One `readback serve` as a process."""

    def __init__(self, name: str, environment: dict[str, str]) -> None:
        prefix = f"READBACK_{name.upper()}"
        self.address = f"127.0.0.1:{environment[f'{prefix}_PORT']}"
        self._health = f"http://127.0.0.1:{environment[f'{prefix}_HTTP_PORT']}/health"
        self.process = child_processes.start(
            [*READBACK, "serve", name],
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )

    def wait_until_ready(self) -> None:
        """Return when it is ready."""
        deadline = time.monotonic() + START_SECONDS
        while True:
            with contextlib.suppress(httpx.HTTPError):
                if httpx.get(self._health).status_code == httpx.codes.OK:
                    return
            assert self.process.poll() is None, f"it ended with {self.process.returncode}"
            assert time.monotonic() < deadline, "it never became ready"
            time.sleep(0.1)

    def end(self) -> None:
        """Terminate it, and kill it if it does not end."""
        child_processes.end(self.process)


@pytest.fixture(scope="module")
def served(
    tmp_path_factory: pytest.TempPathFactory, postgres: PostgresServer, shared_redis: RedisServer
) -> Iterator[list[Served]]:
    """Identity and two replicas of conversation, ready."""
    home: Path = tmp_path_factory.mktemp("home")
    settings = {
        "READBACK_CONVERSATION_DATABASE_URL": postgres.new_database(),
        "READBACK_REDIS_URL": shared_redis.url,
        "READBACK_CONVERSATION_STARTS_PER_MINUTE": "100000",
    }
    environment = environment_for(home, **settings)
    port, http_port = map(str, free_ports(2))
    another = environment | {"READBACK_CONVERSATION_PORT": port, "READBACK_CONVERSATION_HTTP_PORT": http_port}
    identity = Served("identity", environment)
    processes = [identity]
    try:
        identity.wait_until_ready()
        processes += [Served("conversation", environment), Served("conversation", another)]
        for process in processes:
            process.wait_until_ready()
        yield processes
    finally:
        for process in processes:
            process.end()


@pytest.mark.timeout(START_SECONDS + 60)
async def test_a_stopping_replica_fails_no_call(served: list[Served]) -> None:
    identity, one, other = served
    async with (
        open_channel(identity.address, IDENTITY) as to_identity,
        open_channel(f"{one.address},{other.address}", CONVERSATION) as channel,
    ):
        registering = identity_service_pb2.RegisterRequest(
            email="two@example.com", password="a long walk in the park", display_name="Asha"
        )
        registered = await IdentityServiceStub(to_identity).Register(registering)
        metadata = grpc.aio.Metadata(("authorization", f"Bearer {registered.tokens.access_token}"))
        stub = ConversationServiceStub(channel)
        started = await stub.StartConversation(
            pb.StartConversationRequest(request_id=uuid7()), metadata=metadata
        )
        conversation_id = started.conversation.conversation_id
        asked = 0

        async def ask_until_it_ended() -> None:
            nonlocal asked
            while one.process.poll() is None or asked < 100:
                found = await stub.GetConversation(
                    pb.GetConversationRequest(conversation_id=conversation_id), metadata=metadata
                )
                assert found.conversation.conversation_id == conversation_id
                await stub.StartConversation(
                    pb.StartConversationRequest(request_id=uuid7()), metadata=metadata
                )
                asked += 2

        async with asyncio.timeout(60), asyncio.TaskGroup() as tasks:
            for _ in range(4):
                tasks.create_task(ask_until_it_ended())
            while asked < 50:  # noqa: ASYNC110 -- the load sends no event
                await asyncio.sleep(0.01)
            one.process.send_signal(signal.SIGTERM)
        assert one.process.wait() == 0
