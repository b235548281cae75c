"""The services an agent calls: in its own name, or in that of a customer who is on the line."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from typing import TYPE_CHECKING

from readback.conversation.v1 import conversation_service_pb2 as conversation_pb
from readback.conversation.v1.conversation_service_pb2_grpc import ConversationServiceStub
from readback.flightdata.v1 import flightdata_service_pb2 as flightdata_pb
from readback.flightdata.v1.flightdata_service_pb2_grpc import FlightDataServiceStub
from readback.identity.v1 import identity_service_pb2 as identity_pb
from readback.identity.v1.identity_service_pb2_grpc import IdentityServiceStub

from agent.settings import AgentSettings
from mesh.calling.channel import open_channel
from mesh.security.authentication import TokenSource
from mesh.security.workload_identity import WorkloadIdentity

if TYPE_CHECKING:
    from readback.conversation.v1.conversation_service_pb2_grpc import ConversationServiceAsyncStub
    from readback.flightdata.v1.flightdata_service_pb2_grpc import FlightDataServiceAsyncStub

_NAME = "agent"
"""The agents' name among the mesh's actors."""


class Clients:
    """Stubs on channels that close with the call. Made by `clients`."""

    def __init__(self, settings: AgentSettings, workload: WorkloadIdentity, stack: AsyncExitStack) -> None:
        self._settings, self._stack = settings, stack
        self.workload = workload

    async def conversation(self, tokens: TokenSource) -> ConversationServiceAsyncStub:
        """The conversation service, called with these tokens."""
        service = conversation_pb.DESCRIPTOR.services_by_name["ConversationService"]
        channel = await self._stack.enter_async_context(
            open_channel(self._settings.address_of("conversation"), service, tokens=tokens)
        )
        return ConversationServiceStub(channel)

    async def flightdata(self, tokens: TokenSource) -> FlightDataServiceAsyncStub:
        """The flight-data service, called with these tokens."""
        service = flightdata_pb.DESCRIPTOR.services_by_name["FlightDataService"]
        channel = await self._stack.enter_async_context(
            open_channel(self._settings.address_of("flightdata"), service, tokens=tokens)
        )
        return FlightDataServiceStub(channel)


@asynccontextmanager
async def clients(settings: AgentSettings) -> AsyncIterator[Clients]:
    """The services, and the agent's own identity that opens them."""
    async with AsyncExitStack() as stack:
        service = identity_pb.DESCRIPTOR.services_by_name["IdentityService"]
        channel = await stack.enter_async_context(open_channel(settings.address_of("identity"), service))
        identity = IdentityServiceStub(channel)
        yield Clients(settings, WorkloadIdentity(_NAME, settings.secrets.actor_key(_NAME), identity), stack)
