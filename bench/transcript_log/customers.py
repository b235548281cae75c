"""Customers and the agent, with real tokens of the real identity service."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

import grpc
from readback.conversation.v1 import conversation_service_pb2 as pb
from readback.conversation.v1.conversation_service_pb2_grpc import ConversationServiceStub
from readback.identity.v1 import identity_service_pb2
from readback.identity.v1.identity_service_pb2_grpc import IdentityServiceStub

from mesh.auth import bearer
from mesh.ids import uuid7
from mesh.secrets import SecretStore
from mesh.workload import WorkloadIdentity

if TYPE_CHECKING:
    from readback.conversation.v1.conversation_service_pb2_grpc import ConversationServiceAsyncStub

Metadata = tuple[tuple[str, str], ...]


def own_connection(address: str) -> grpc.aio.Channel:
    """A channel that shares its connection with no other."""
    return grpc.aio.insecure_channel(address, options=[("grpc.use_local_subchannel_pool", 1)])


@dataclass(frozen=True, slots=True)
class Customer:
    """Somebody with an account."""

    stub: ConversationServiceAsyncStub
    metadata: Metadata
    """Carries the customer's token."""

    async def conversation(self) -> str:
        """A new conversation's id."""
        request = pb.StartConversationRequest(request_id=uuid7())
        return (await self.stub.StartConversation(request, metadata=self.metadata)).conversation.conversation_id

    async def call(self) -> pb.Call:
        """A new call in a new conversation."""
        request = pb.StartCallRequest(conversation_id=await self.conversation())
        return (await self.stub.StartCall(request, metadata=self.metadata)).call


@asynccontextmanager
async def registered(identity: str, conversation: str) -> AsyncIterator[Customer]:
    """A new customer, signed in, while the block lasts."""
    async with own_connection(identity) as sign_in, own_connection(conversation) as channel:
        email = f"{uuid7()}@example.com"
        request = identity_service_pb2.RegisterRequest(email=email, password="a long walk in the park", display_name="Asha")
        token = (await IdentityServiceStub(sign_in).Register(request)).tokens.access_token
        yield Customer(ConversationServiceStub(channel), bearer(token))


async def agent_metadata(identity: str, secrets: SecretStore) -> Metadata:
    """Carries the agent's own token, which opens `Record` streams."""
    async with own_connection(identity) as channel:
        return bearer(await WorkloadIdentity("agent", secrets.actor_key("agent"), IdentityServiceStub(channel)).own_token())
