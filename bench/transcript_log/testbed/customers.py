"""Customers with real accounts and tokens of the identity service."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import grpc
from readback.conversation.v1 import conversation_service_pb2 as pb
from readback.conversation.v1.conversation_service_pb2_grpc import ConversationServiceStub
from readback.identity.v1 import identity_service_pb2

from mesh.ids import uuid7
from mesh.security.authentication import bearer

if TYPE_CHECKING:
    from readback.identity.v1.identity_service_pb2_grpc import IdentityServiceAsyncStub

Metadata = tuple[tuple[str, str], ...]


def own_connection(address: str) -> grpc.aio.Channel:
    """Return a channel that shares its connection with no other channel."""
    return grpc.aio.insecure_channel(address, options=[("grpc.use_local_subchannel_pool", 1)])


@dataclass(frozen=True, slots=True)
class Customer:
    """A customer who is signed in."""

    metadata: Metadata
    """The customer's token, for calls."""

    async def start_conversation(self, channel: grpc.aio.Channel) -> str:
        """Start a conversation over a channel to the conversation service, and return its ID."""
        request = pb.StartConversationRequest(request_id=uuid7())
        response = await ConversationServiceStub(channel).StartConversation(request, metadata=self.metadata)
        return response.conversation.conversation_id

    async def start_call(self, channel: grpc.aio.Channel) -> pb.Call:
        """Start a call in a new conversation."""
        request = pb.StartCallRequest(conversation_id=await self.start_conversation(channel))
        return (await ConversationServiceStub(channel).StartCall(request, metadata=self.metadata)).call


async def register_customer(identity: IdentityServiceAsyncStub) -> Customer:
    """Register a customer and sign in."""
    request = identity_service_pb2.RegisterRequest(
        email=f"{uuid7()}@example.com", password="a long walk in the park", display_name="Asha"
    )
    return Customer(bearer((await identity.Register(request)).tokens.access_token))
