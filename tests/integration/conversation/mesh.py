"""A real conversation service beside a real identity service, on free ports; LiveKit is down unless a test starts it."""

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

from mesh.calling.channel import open_channel
from mesh.ids import uuid7
from mesh.security.authentication import TokenSource
from mesh.security.workload_identity import WorkloadIdentity
from mesh.serving.grpc_server import ServerSettings, running
from mesh.serving.ports import Endpoint
from mesh.settings import load
from services.conversation.app import member
from services.conversation.settings import ConversationSettings
from services.identity.app import member as identity_member
from services.identity.settings import IdentitySettings

if TYPE_CHECKING:
    from readback.conversation.v1.conversation_service_pb2_grpc import ConversationServiceAsyncStub

CONVERSATION = pb.DESCRIPTOR.services_by_name["ConversationService"]
IDENTITY = identity_service_pb2.DESCRIPTOR.services_by_name["IdentityService"]


@dataclass
class Customer:
    """Somebody with an account, and a channel in their name."""

    customer_id: str
    token: str
    stub: ConversationServiceAsyncStub

    async def conversation(self) -> str:
        """A new conversation's id."""
        started = await self.stub.StartConversation(pb.StartConversationRequest(request_id=uuid7()))
        return started.conversation.conversation_id

    async def call(self, conversation_id: str | None = None) -> pb.Call:
        """A new call, in a new conversation if none is given."""
        conversation_id = conversation_id or await self.conversation()
        return (await self.stub.StartCall(pb.StartCallRequest(conversation_id=conversation_id))).call


class Mesh:
    """Identity and conversation, and whoever calls them."""

    password = "a long walk in the park"

    def __init__(self, home: Path, stack: AsyncExitStack) -> None:
        self.home, self._stack = home, stack
        self._identity_server = AsyncExitStack()
        self.identity_address = self.address = ""
        self._customers = 0

    async def start_identity(self) -> None:
        """Starts the identity service."""
        settings = load(IdentitySettings, home=self.home, identity_bcrypt_cost=4)
        await self._stack.enter_async_context(self._identity_server)
        served = await self._identity_server.enter_async_context(identity_member(settings))
        server = await self._identity_server.enter_async_context(running(served))
        self.identity_address = server.address
        self.identity = IdentityServiceStub(
            await self._stack.enter_async_context(open_channel(server.address, IDENTITY))
        )

    async def stop_identity(self) -> None:
        """Stops the identity service."""
        await self._identity_server.aclose()

    @staticmethod
    async def eventually(holds: Callable[[], Awaitable[bool]], *, within: float = 10) -> None:
        """Waits until something holds that no event tells of."""
        async with asyncio.timeout(within):
            while not await holds():  # noqa: ASYNC110 -- what is waited for happens in another process or task and tells nobody
                await asyncio.sleep(0.05)

    def settings(self, **overrides: object) -> ConversationSettings:
        """Settings of the conversation service."""
        usual = {
            "home": self.home,
            "identity_address": self.identity_address,
            "livekit_url": "ws://127.0.0.1:9",
        }
        return load(ConversationSettings, **{**usual, **overrides})

    @asynccontextmanager
    async def conversation(self, *, port: int = 0, **overrides: object) -> AsyncIterator[str]:
        """Serves conversations until the block ends; gives the address."""
        brisk = ServerSettings(drain_seconds=1)
        async with (
            member(self.settings(**overrides)) as served,
            running(served, endpoint=Endpoint(port=port), settings=brisk) as server,
        ):
            self.address = server.address
            yield server.address

    async def stub(self, tokens: TokenSource | None = None) -> ConversationServiceAsyncStub:
        """A stub over a channel of its own."""
        channel: grpc.aio.Channel = await self._stack.enter_async_context(
            open_channel(self.address, CONVERSATION, tokens=tokens)
        )
        return ConversationServiceStub(channel)

    async def customer(self) -> Customer:
        """A new customer, signed in."""
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
        """A customer's access token as identity signs it, but good for as long as one likes."""
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
        """An agent's own identity."""
        secrets = self.settings().secrets
        return WorkloadIdentity("agent", secrets.actor_key("agent"), self.identity)

    async def agent_stub(self) -> ConversationServiceAsyncStub:
        """A stub in an agent's own name, for `Record`."""
        return await self.stub(self.agent().own_token)

    async def delegated(self, grant: str) -> ConversationServiceAsyncStub:
        """A stub of an agent that acts for the customer of a grant, with one token for some minutes."""
        exchanged = await self.agent().exchange(grant)

        async def token() -> str:
            return exchanged.token

        return await self.stub(token)
