"""Clients of the services that an agent calls, with its own identity or on behalf of the customer."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from typing import TYPE_CHECKING

import grpc
from google.protobuf.descriptor import ServiceDescriptor
from readback.conversation.v1 import conversation_service_pb2 as conversation_pb
from readback.conversation.v1.conversation_service_pb2_grpc import ConversationServiceStub
from readback.flightdata.v1 import flightdata_service_pb2
from readback.flightdata.v1.flightdata_service_pb2_grpc import FlightDataServiceStub
from readback.internal.conversation.v1 import call_record_service_pb2
from readback.internal.conversation.v1.call_record_service_pb2_grpc import CallRecordServiceStub
from readback.internal.identity.v1 import identity_internal_service_pb2
from readback.internal.identity.v1.identity_internal_service_pb2_grpc import IdentityInternalServiceStub

from agent.settings import AgentSettings
from mesh.calling.channel import open_channel
from mesh.clock import Clock, SystemClock
from mesh.security.authentication import TokenSource
from mesh.security.workload_identity import ExchangedToken, WorkloadIdentity

if TYPE_CHECKING:
    from readback.conversation.v1.conversation_service_pb2_grpc import ConversationServiceAsyncStub
    from readback.flightdata.v1.flightdata_service_pb2_grpc import FlightDataServiceAsyncStub
    from readback.internal.conversation.v1.call_record_service_pb2_grpc import CallRecordServiceAsyncStub

_CONVERSATION = conversation_pb.DESCRIPTOR.services_by_name["ConversationService"]
_FLIGHTDATA = flightdata_service_pb2.DESCRIPTOR.services_by_name["FlightDataService"]
_CALL_RECORD = call_record_service_pb2.DESCRIPTOR.services_by_name["CallRecordService"]
_IDENTITY = identity_internal_service_pb2.DESCRIPTOR.services_by_name["IdentityInternalService"]
_NAME = "agent"
"""The agents' name in the mesh."""


class DelegatedToken:
    """Source of tokens that let the agent act on behalf of the customer of one call.

    Exchanges the call's grant for a token, and again for a new one before that token expires.
    """

    def __init__(self, workload: WorkloadIdentity, grant: str, clock: Clock | None = None) -> None:
        self._workload, self._grant, self._clock = workload, grant, clock or SystemClock()
        self._current: ExchangedToken | None = None
        self._lock = asyncio.Lock()

    async def __call__(self) -> str:
        """Return a token that is valid for the next RPC.

        Raises:
            grpc.aio.AioRpcError: the identity service can't be reached, or the grant was revoked.
        """
        async with self._lock:
            if self._current is None or not self._current.fresh_at(self._clock.now()):
                self._current = await self._workload.exchange(self._grant)
            return self._current.token


class ServiceClients:
    """Factory of service stubs. Their channels stay open until the block of `service_clients` ends."""

    def __init__(self, settings: AgentSettings, workload: WorkloadIdentity, stack: AsyncExitStack) -> None:
        self._settings, self._stack = settings, stack
        self.workload = workload

    async def conversation(self, tokens: TokenSource) -> ConversationServiceAsyncStub:
        """Return a stub of the conversation service that authenticates with `tokens`."""
        return ConversationServiceStub(
            await self._open(self._settings.address_of("conversation"), _CONVERSATION, tokens)
        )

    async def call_records(self) -> CallRecordServiceAsyncStub:
        """Return a stub of the call records that sends the agent's own token."""
        return CallRecordServiceStub(
            await self._open(self._settings.address_of("conversation"), _CALL_RECORD, self.workload.own_token)
        )

    async def flightdata(self, tokens: TokenSource) -> FlightDataServiceAsyncStub:
        """Return a stub of the flight-data service that authenticates with `tokens`."""
        return FlightDataServiceStub(
            await self._open(self._settings.address_of("flightdata"), _FLIGHTDATA, tokens)
        )

    async def _open(self, address: str, service: ServiceDescriptor, tokens: TokenSource) -> grpc.aio.Channel:
        return await self._stack.enter_async_context(open_channel(address, service, tokens=tokens))


@asynccontextmanager
async def service_clients(settings: AgentSettings) -> AsyncIterator[ServiceClients]:
    """Yield the clients for an agent, and close their channels when the block ends."""
    async with AsyncExitStack() as stack:
        channel = await stack.enter_async_context(open_channel(settings.address_of("identity"), _IDENTITY))
        identity = IdentityInternalServiceStub(channel)
        workload = WorkloadIdentity(_NAME, settings.secrets.actor_key(_NAME), identity)
        yield ServiceClients(settings, workload, stack)
