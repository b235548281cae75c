"""An identity service on a free port with a simulated clock, and the calls that many tests make."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import grpc
import pytest
from readback.identity.v1 import identity_service_pb2 as pb
from readback.identity.v1.identity_service_pb2_grpc import IdentityServiceStub
from readback.internal.identity.v1.identity_internal_service_pb2 import (
    ExchangeTokenRequest,
    GrantCallRequest,
    GrantCallResponse,
)
from readback.internal.identity.v1.identity_internal_service_pb2_grpc import IdentityInternalServiceStub

from mesh.calling.channel import open_channel
from mesh.errors import reason_of
from mesh.ids import uuid7
from mesh.security.authentication import bearer
from mesh.security.revocations import IDENTITY
from mesh.security.source_address import SOURCE_ADDRESS
from mesh.security.workload_identity import make_assertion
from mesh.serving.grpc_server import running
from mesh.settings import load
from services.identity.app import grpc_service
from services.identity.settings import IdentitySettings
from tests.simulated_clock import SimulatedClock

if TYPE_CHECKING:
    from readback.identity.v1.identity_service_pb2_grpc import IdentityServiceAsyncStub
    from readback.internal.identity.v1.identity_internal_service_pb2_grpc import (
        IdentityInternalServiceAsyncStub,
    )

Headers = tuple[tuple[str, str], ...]
PASSWORD = "a flock of quiet herons"


@dataclass(frozen=True)
class SignedIn:
    """A customer with a session."""

    customer: pb.Customer
    tokens: pb.TokenPair

    @property
    def headers(self) -> tuple[tuple[str, str], ...]:
        """Call metadata with the access token."""
        return bearer(self.tokens.access_token)


@dataclass(frozen=True)
class Page:
    """The web app."""

    token: str

    def browser(self, address: str) -> Headers:
        """Call metadata that the web app sends for a browser."""
        return (*bearer(self.token), (SOURCE_ADDRESS, address))


@dataclass(frozen=True)
class Identity:
    """A running identity service."""

    address: str
    stub: IdentityServiceAsyncStub
    internal: IdentityInternalServiceAsyncStub
    clock: SimulatedClock
    settings: IdentitySettings

    async def register(
        self,
        email: str = "asha@example.com",
        password: str = PASSWORD,
        name: str = "Asha",
        headers: Headers = (),
    ) -> SignedIn:
        """Register a customer."""
        request = pb.RegisterRequest(email=email, password=password, display_name=name)
        response = await self.stub.Register(request, metadata=headers)
        return SignedIn(response.customer, response.tokens)

    async def login(
        self, email: str = "asha@example.com", password: str = PASSWORD, headers: Headers = ()
    ) -> SignedIn:
        """Open another session of a customer."""
        opened = await self.stub.Login(pb.LoginRequest(email=email, password=password), metadata=headers)
        return SignedIn(opened.customer, opened.tokens)

    async def page(self) -> Page:
        """Return the web app, which reports the addresses of its browsers."""
        return Page(await self.exchange(actor="page"))

    async def refresh(self, refresh_token: str) -> pb.TokenPair:
        """Return the next pair of tokens."""
        return (await self.stub.RefreshSession(pb.RefreshSessionRequest(refresh_token=refresh_token))).tokens

    async def grant(
        self, caller: SignedIn, call_id: str, conversation_id: str | None = None
    ) -> GrantCallResponse:
        """Return a grant for a call."""
        request = GrantCallRequest(call_id=call_id, conversation_id=conversation_id or uuid7())
        return await self.internal.GrantCall(request, metadata=caller.headers)

    def assertion(self, actor: str = "agent") -> str:
        """Return an assertion of a service."""
        return make_assertion(actor, self.settings.secrets.actor_key(actor), now=self.clock.now())

    async def exchange(self, grant: str = "", actor: str = "agent") -> str:
        """Exchange an assertion for an access token."""
        request = ExchangeTokenRequest(actor_assertion=self.assertion(actor), grant=grant)
        return (await self.internal.ExchangeToken(request)).access_token


@asynccontextmanager
async def running_identity(
    home: Path, clock: SimulatedClock | None = None, **settings: object
) -> AsyncIterator[Identity]:
    """Run the service with the databases and secrets of a new or used home."""
    chosen = load(IdentitySettings, home=home, **({"identity_bcrypt_cost": 4} | settings))
    clock = clock or SimulatedClock(datetime.now(UTC))
    async with (
        grpc_service(chosen, clock) as identity,
        running(identity) as server,
        open_channel(server.address, *IDENTITY) as channel,
    ):
        stub, internal = IdentityServiceStub(channel), IdentityInternalServiceStub(channel)
        yield Identity(server.address, stub, internal, clock, chosen)


async def refused(call: Awaitable[object]) -> tuple[grpc.StatusCode, str | None]:
    """Return the code and reason with which a call is refused."""
    with pytest.raises(grpc.aio.AioRpcError) as caught:
        await call
    return caught.value.code(), reason_of(caught.value)
