"""Two replicas of the conversation service in this process, on one PostgreSQL and optionally one Redis."""

from __future__ import annotations

from contextlib import AsyncExitStack
from typing import TYPE_CHECKING

from readback.conversation.v1.conversation_service_pb2_grpc import ConversationServiceStub
from readback.internal.conversation.v1.call_record_service_pb2_grpc import CallRecordServiceStub

from mesh.calling.channel import open_channel
from services.conversation.app import CONVERSATION
from tests.integration.conversation.mesh import Mesh
from tests.product import free_ports

if TYPE_CHECKING:
    from readback.conversation.v1.conversation_service_pb2_grpc import ConversationServiceAsyncStub
    from readback.internal.conversation.v1.call_record_service_pb2_grpc import CallRecordServiceAsyncStub


class Replica:
    """One replica; it can be stopped and started again on its port."""

    def __init__(self, mesh: Mesh, port: int, settings: dict[str, object]) -> None:
        self._mesh, self._port, self._settings = mesh, port, settings
        self._running = AsyncExitStack()
        self.address = f"127.0.0.1:{port}"

    async def start(self) -> None:
        """Start it."""
        await self._running.enter_async_context(self._mesh.conversation(port=self._port, **self._settings))

    async def stop(self) -> None:
        """Stop it as SIGTERM does, with draining."""
        await self._running.aclose()


class Cluster:
    """Two replicas, with stubs for one or both of them."""

    def __init__(self, mesh: Mesh, stack: AsyncExitStack, **settings: object) -> None:
        self.mesh, self._stack = mesh, stack
        self.one, self.other = (Replica(mesh, port, settings) for port in free_ports(2))

    async def start(self) -> None:
        """Start both; new customers reach either of them."""
        for replica in (self.one, self.other):
            self._stack.push_async_callback(replica.stop)
            await replica.start()
        self.mesh.address = f"{self.one.address},{self.other.address}"

    async def customer_at(self, replica: Replica, token: str) -> ConversationServiceAsyncStub:
        """Return a stub with a customer's token for one replica."""

        async def own() -> str:
            return token

        channel = await self._stack.enter_async_context(
            open_channel(replica.address, *CONVERSATION, tokens=own)
        )
        return ConversationServiceStub(channel)

    async def agent_at(self, replica: Replica) -> CallRecordServiceAsyncStub:
        """Return a stub with an agent's token for one replica."""
        channel = await self._stack.enter_async_context(
            open_channel(replica.address, *CONVERSATION, tokens=self.mesh.agent().own_token)
        )
        return CallRecordServiceStub(channel)
