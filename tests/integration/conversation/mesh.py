"""Real conversation and identity services on free ports; LiveKit is down unless a test starts it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

import grpc
import jwt
from readback.conversation.v1 import conversation_service_pb2 as pb
from readback.conversation.v1.conversation_service_pb2_grpc import ConversationServiceStub
from readback.identity.v1 import identity_service_pb2
from readback.identity.v1.identity_service_pb2_grpc import IdentityServiceStub
from readback.internal.conversation.v1.call_record_service_pb2_grpc import CallRecordServiceStub
from readback.internal.identity.v1.identity_internal_service_pb2_grpc import IdentityInternalServiceStub

from mesh.calling.channel import open_channel
from mesh.ids import uuid7
from mesh.security.authentication import TokenSource
from mesh.security.revocations import IDENTITY
from mesh.security.workload_identity import WorkloadIdentity
from mesh.serving.grpc_server import ServerSettings, running
from mesh.serving.ports import Endpoint
from mesh.settings import load
from services.conversation.app import CONVERSATION, grpc_service
from services.conversation.settings import ConversationSettings
from services.identity.app import grpc_service as identity_service
from services.identity.settings import IdentitySettings

if TYPE_CHECKING:
    from readback.conversation.v1.conversation_service_pb2_grpc import ConversationServiceAsyncStub
    from readback.internal.conversation.v1.call_record_service_pb2_grpc import CallRecordServiceAsyncStub


@dataclass
class Customer:
    """Registered customer with a stub."""

    customer_id: str
    token: str
    stub: ConversationServiceAsyncStub

    async def conversation(self) -> str:
        """Start a conversation; return its id."""
        started = await self.stub.StartConversation(pb.StartConversationRequest(request_id=uuid7()))
        return started.conversation.conversation_id

    async def call(self, conversation_id: str | None = None) -> pb.Call:
        """Start a call, in a new conversation if none is given."""
        conversation_id = conversation_id or await self.conversation()
        return (await self.stub.StartCall(pb.StartCallRequest(conversation_id=conversation_id))).call


class Mesh:
    """The services with their customers and agents."""

    password = "a long walk in the park"

    def __init__(self, home: Path, stack: AsyncExitStack) -> None:
        self.home, self._stack = home, stack
        self._identity_server = AsyncExitStack()
        self.identity_address = self.address = ""
        self._customers = 0

    async def start_identity(self) -> None:
        """Start the identity service."""
        settings = load(IdentitySettings, home=self.home, identity_bcrypt_cost=4)
        await self._stack.enter_async_context(self._identity_server)
        served = await self._identity_server.enter_async_context(identity_service(settings))
        server = await self._identity_server.enter_async_context(running(served))
        self.identity_address = server.address
        channel = await self._stack.enter_async_context(open_channel(server.address, *IDENTITY))
        self.identity, self._exchange = IdentityServiceStub(channel), IdentityInternalServiceStub(channel)

    async def stop_identity(self) -> None:
        """Stop the identity service."""
        await self._identity_server.aclose()

    @staticmethod
    async def eventually(holds: Callable[[], Awaitable[bool]], *, within: float = 10) -> None:
        """Wait until a condition holds that no event signals."""
        async with asyncio.timeout(within):
            while not await holds():  # noqa: ASYNC110 -- no event signals it
                await asyncio.sleep(0.05)

    def settings(self, **overrides: object) -> ConversationSettings:
        """Return settings for the conversation service."""
        usual = {
            "home": self.home,
            "identity_address": self.identity_address,
            "livekit_url": "ws://127.0.0.1:9",
            # Most tests share a customer among several calls.
            "conversation_calls_per_customer": 1000,
            "conversation_starts_per_minute": 10_000,
        }
        return load(ConversationSettings, **{**usual, **overrides})

    @asynccontextmanager
    async def conversation(self, *, port: int = 0, **overrides: object) -> AsyncIterator[str]:
        """Serve conversations until the block ends; yield the address."""
        quick = ServerSettings(drain_seconds=1)
        async with (
            grpc_service(self.settings(**overrides)) as served,
            running(served, endpoint=Endpoint(port=port), settings=quick) as server,
        ):
            self.address = server.address
            yield server.address

    async def stub(self, tokens: TokenSource | None = None) -> ConversationServiceAsyncStub:
        """Return a stub with its own channel."""
        return ConversationServiceStub(await self.channel(tokens))

    async def channel(self, tokens: TokenSource | None = None) -> grpc.aio.Channel:
        """Return a channel to the conversation service."""
        channel = open_channel(self.address, *CONVERSATION, tokens=tokens)
        return await self._stack.enter_async_context(channel)

    async def customer(self) -> Customer:
        """Register a new customer."""
        self._customers += 1
        registered = await self.identity.Register(
            identity_service_pb2.RegisterRequest(
                email=f"caller{self._customers}@example.com", password=self.password, display_name="Asha"
            )
        )
        token = registered.tokens.access_token

        async def own() -> str:
            return token

        return Customer(registered.customer.customer_id, token, await self.stub(own))

    def access_token(self, customer: Customer, *, lifetime: timedelta) -> str:
        """Return an access token like identity's, but with any lifetime."""
        key = self.settings().secrets.private_key("identity-signing-key")
        header = jwt.get_unverified_header(customer.token)
        now = datetime.now(UTC)
        claims = {
            **jwt.decode(customer.token, options={"verify_signature": False}),
            "jti": uuid7(),
            "exp": (now + lifetime).timestamp(),
        }
        return jwt.encode(claims, key, "ES256", headers={"typ": header["typ"], "kid": header["kid"]})

    def agent(self) -> WorkloadIdentity:
        """Return the agents' workload identity."""
        return self.workload("agent")

    def workload(self, name: str) -> WorkloadIdentity:
        """Return the workload identity of a service."""
        return WorkloadIdentity(name, self.settings().secrets.actor_key(name), self._exchange)

    async def agent_stub(self) -> CallRecordServiceAsyncStub:
        """Return a stub with an agent's own token."""
        return CallRecordServiceStub(await self.channel(self.agent().own_token))

    async def delegated(self, grant: str) -> grpc.aio.Channel:
        """Return a channel of an agent that acts for the grant's customer, with one token."""
        exchanged = await self.agent().exchange(grant)

        async def token() -> str:
            return exchanged.token

        return await self.channel(token)
