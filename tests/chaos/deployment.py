"""Deployment of one test: identity, a cluster of the conversation service, and a history."""

from __future__ import annotations

import random
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import grpc
import jwt
from readback.conversation.v1 import conversation_service_pb2 as pb
from readback.conversation.v1.conversation_service_pb2_grpc import ConversationServiceStub

from mesh.calling.channel import open_channel
from mesh.ids import uuid7
from mesh.security.authentication import ACCESS_TOKEN_TYPE, ALGORITHM, AUDIENCE, ISSUER
from services.conversation.app import CONVERSATION
from tests.chaos.cluster import Cluster, cluster
from tests.chaos.history import History, Seen
from tests.chaos.processes import ForkServer
from tests.integration.conversation.mesh import Customer, Mesh

if TYPE_CHECKING:
    from readback.conversation.v1.conversation_service_pb2_grpc import ConversationServiceAsyncStub

LONG = timedelta(hours=2)


@dataclass
class Deployment:
    """Services and history of one test."""

    mesh: Mesh
    cluster: Cluster
    rng: random.Random
    stack: AsyncExitStack
    history: History = field(default_factory=History)
    key_id: str = ""
    """Id of identity's signing key."""

    def channel(self, token: str, target: str = "") -> grpc.aio.Channel:
        """Return a channel with a token to the whole cluster or to `target`; a context manager."""

        async def own() -> str:
            return token

        return open_channel(target or self.cluster.target, *CONVERSATION, tokens=own)

    async def customer(self) -> Customer:
        """Register a customer with a token that outlives the test."""
        self.mesh.address = self.cluster.target
        customer = await self.mesh.customer()
        token = customer.token
        self.key_id = jwt.get_unverified_header(token)["kid"]
        channel = await self.stack.enter_async_context(self.channel(token))
        return Customer(customer.customer_id, token, ConversationServiceStub(channel))

    def service_token(self) -> str:
        """Return an agent's own token, for `Record`."""
        return self._signed(sub="agent", kind="service")

    def agent_token(self, customer_id: str, call: pb.Call) -> str:
        """Return a token with which an agent acts for the customer in one call."""
        return self._signed(
            sub=customer_id,
            kind="agent",
            act={"sub": "agent"},
            call=call.call_id,
            conversation=call.conversation_id,
        )

    def customer_token(self, customer_id: str) -> str:
        """Return a customer's token; no account is needed."""
        return self._signed(sub=customer_id, kind="customer", sid=uuid7())

    def _signed(self, **claims: Any) -> str:
        now = datetime.now(UTC)
        body = {"iss": ISSUER, "aud": AUDIENCE, "iat": now, "exp": now + LONG, "jti": uuid7()} | claims
        key = self.mesh.settings().secrets.private_key("identity-signing-key")
        return jwt.encode(body, key, ALGORITHM, headers={"typ": ACCESS_TOKEN_TYPE, "kid": self.key_id})

    async def read_back(self, customer: Customer) -> None:
        """Read every log of a customer into the history, after the end."""
        for conversation_id in await self._conversations(customer.stub):
            self.history.logs[conversation_id] = await entries_of(customer.stub, conversation_id)

    async def _conversations(self, stub: ConversationServiceAsyncStub) -> list[str]:
        found, token = [], ""
        while True:
            page = await stub.ListConversations(
                pb.ListConversationsRequest(page_size=100, page_token=token), wait_for_ready=True
            )
            found += [conversation.conversation_id for conversation in page.conversations]
            token = page.next_page_token
            if not token:
                return found


async def entries_of(stub: ConversationServiceAsyncStub, conversation_id: str) -> list[Seen]:
    """Return a whole log."""
    found: list[Seen] = []
    token = ""
    while True:
        request = pb.ListEntriesRequest(conversation_id=conversation_id, page_size=500, page_token=token)
        page = await stub.ListEntries(request, wait_for_ready=True)
        found += map(Seen.of, page.entries)
        token = page.next_page_token
        if not token:
            return found


@asynccontextmanager
async def open_deployment(
    fork_server: ForkServer, folder: Path, rng: random.Random, *, replicas: int = 1, **settings: str
) -> AsyncIterator[Deployment]:
    """Run identity in this process and make replicas without starting them.

    Args:
        settings: environment variables of the replicas.
    """
    async with AsyncExitStack() as stack:
        mesh = Mesh(folder, stack)
        await mesh.start_identity()
        shared = {
            "READBACK_HOME": str(folder),
            "READBACK_IDENTITY_ADDRESS": mesh.identity_address,
            "LIVEKIT_URL": "ws://127.0.0.1:9",
            # One customer has the calls, starts and watches of many.
            "READBACK_CONVERSATION_CALLS_PER_CUSTOMER": "1000",
            "READBACK_CONVERSATION_STARTS_PER_MINUTE": "100000",
            "READBACK_CONVERSATION_WATCHES_PER_CUSTOMER": "100000",
        }
        made = Deployment(
            mesh, cluster(fork_server, folder, shared | settings, replicas=replicas), rng, stack
        )
        try:
            yield made
        finally:
            await made.cluster.stop()
