"""Replicas of the conversation service on one PostgreSQL and, if wanted, one Redis, inside the test's process."""

from __future__ import annotations

from contextlib import AsyncExitStack
from typing import TYPE_CHECKING

from readback.conversation.v1.conversation_service_pb2_grpc import ConversationServiceStub

from mesh.calling.channel import open_channel
from tests.integration.conversation.mesh import CONVERSATION, Mesh
from tests.product import free_ports

if TYPE_CHECKING:
    from readback.conversation.v1.conversation_service_pb2_grpc import ConversationServiceAsyncStub


class Replica:
    """One replica, which may be stopped and started again on its port."""

    def __init__(self, mesh: Mesh, port: int, settings: dict[str, object]) -> None:
        self._mesh, self._port, self._settings = mesh, port, settings
        self._running = AsyncExitStack()
        self.address = f"127.0.0.1:{port}"

    async def start(self) -> None:
        """Starts it (again)."""
        await self._running.enter_async_context(self._mesh.conversation(port=self._port, **self._settings))

    async def stop(self) -> None:
        """SIGTERM: drained."""
        await self._running.aclose()


class Cluster:
    """Two replicas, and ways to reach one of them or both."""

    def __init__(self, mesh: Mesh, stack: AsyncExitStack, **settings: object) -> None:
        self.mesh, self._stack = mesh, stack
        self.one, self.other = (Replica(mesh, port, settings) for port in free_ports(2))

    async def start(self) -> None:
        """Starts both; whoever signs in from then on reaches either."""
        for replica in (self.one, self.other):
            self._stack.push_async_callback(replica.stop)
            await replica.start()
        self.mesh.address = f"{self.one.address},{self.other.address}"

    async def customer_at(self, replica: Replica, token: str) -> ConversationServiceAsyncStub:
        """A stub in a customer's name that reaches one replica."""

        async def own() -> str:
            return token

        channel = await self._stack.enter_async_context(
            open_channel(replica.address, CONVERSATION, tokens=own)
        )
        return ConversationServiceStub(channel)

    async def agent_at(self, replica: Replica) -> ConversationServiceAsyncStub:
        """A stub in an agent's name that reaches one replica."""
        channel = await self._stack.enter_async_context(
            open_channel(replica.address, CONVERSATION, tokens=self.mesh.agent().own_token)
        )
        return ConversationServiceStub(channel)
