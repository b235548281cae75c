"""Clients of the services that the web app calls, and the signed-in customer of a request."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated

import grpc
import structlog
from fastapi import Depends, Request
from readback.conversation.v1 import conversation_service_pb2 as conversation
from readback.conversation.v1.conversation_service_pb2_grpc import ConversationServiceStub
from readback.identity.v1 import identity_service_pb2 as identity
from readback.identity.v1.identity_service_pb2_grpc import IdentityServiceStub
from readback.internal.identity.v1 import identity_internal_service_pb2 as internal
from readback.internal.identity.v1.identity_internal_service_pb2_grpc import IdentityInternalServiceStub

from gradio_ui.settings import UiSettings
from gradio_ui.sign_in.browser_sessions import (
    BrowserSession,
    BrowserSessionEnded,
    BrowserSessions,
    TokenRefused,
)
from gradio_ui.sign_in.cookie import CookieCipher
from mesh.calling.channel import open_channel
from mesh.security.authentication import TokenSource, bearer
from mesh.security.source_address import SOURCE_ADDRESS
from mesh.security.workload_identity import WorkloadIdentity

if TYPE_CHECKING:
    from readback.conversation.v1.conversation_service_pb2_grpc import ConversationServiceAsyncStub
    from readback.identity.v1.identity_service_pb2_grpc import IdentityServiceAsyncStub

_EXCHANGE = internal.DESCRIPTOR.services_by_name["IdentityInternalService"]
_IDENTITY = identity.DESCRIPTOR.services_by_name["IdentityService"]
_log = structlog.get_logger()
_CONVERSATION = conversation.DESCRIPTOR.services_by_name["ConversationService"]


@dataclass(frozen=True, slots=True)
class Services:
    """Service stubs and browser sessions for the routes."""

    identity: IdentityServiceAsyncStub
    """Pass `from_browser(request)` as metadata with each RPC that a signed-out browser causes."""
    conversation: ConversationServiceAsyncStub
    """Pass `SignedInCustomer.metadata` with each RPC."""
    sessions: BrowserSessions


@asynccontextmanager
async def open_services(settings: UiSettings) -> AsyncIterator[Services]:
    """Open channels to the services, and close them when the block ends.

    Channels connect at first use, so the web app can start before its services.
    """
    address = settings.address_of("identity")
    async with (
        open_channel(address, _EXCHANGE) as exchange_channel,
        open_channel(address, _IDENTITY, tokens=_own_token(settings, exchange_channel)) as identity_channel,
        open_channel(settings.address_of("conversation"), _CONVERSATION) as conversation_channel,
    ):
        identity_stub = IdentityServiceStub(identity_channel)
        cipher = CookieCipher(settings.secrets.text("ui-session"))
        async with BrowserSessions(identity_stub, cipher) as sessions:
            yield Services(identity_stub, ConversationServiceStub(conversation_channel), sessions)


def from_browser(request: Request) -> tuple[tuple[str, str], ...]:
    """Return metadata that reports the browser's address, for identity's limits per source."""
    return ((SOURCE_ADDRESS, request.client.host if request.client else ""),)


def _own_token(settings: UiSettings, channel: grpc.aio.Channel) -> TokenSource:
    """Return the web app's own token, which proves that it may report addresses of browsers."""
    stub = IdentityInternalServiceStub(channel)
    workload = WorkloadIdentity("page", settings.secrets.actor_key("page"), stub)

    async def token() -> str:
        try:
            return await workload.own_token()
        except grpc.aio.AioRpcError as error:
            # Public RPCs ignore a bad token. Without one, all browsers share the limits of this address.
            _log.warning("token of the web app unavailable", code=error.code().name)
            return ""

    return token


@dataclass(frozen=True, slots=True)
class SignedInCustomer:
    """The signed-in customer of one request."""

    session: BrowserSession
    token: str
    """The customer's own access token."""
    conversation: ConversationServiceAsyncStub

    @property
    def metadata(self) -> tuple[tuple[str, str], ...]:
        """Metadata for RPCs: the customer's own access token."""
        return bearer(self.token)


def _services(request: Request) -> Services:
    services: Services = request.app.state.services
    return services


async def _customer(request: Request) -> AsyncIterator[SignedInCustomer]:
    session: BrowserSession | None = request.state.session
    if session is None:
        raise BrowserSessionEnded
    services = _services(request)
    token = await services.sessions.access_token(session)
    try:
        yield SignedInCustomer(session, token, services.conversation)
    except grpc.aio.AioRpcError as error:
        if error.code() is not grpc.StatusCode.UNAUTHENTICATED:
            raise
        session.distrust(token)
        await services.sessions.access_token(session)
        raise TokenRefused from error


CustomerOf = Annotated[SignedInCustomer, Depends(_customer)]
"""Type of a route parameter: the signed-in customer, with an access token that is valid for the request.

Raises:
    BrowserSessionEnded: the browser is not signed in, or its session has ended.
    TokenRefused: a service refuses the token although the session is valid.
    grpc.aio.AioRpcError: the identity service can't be reached.
"""
ServicesOf = Annotated[Services, Depends(_services)]
"""Type of a route parameter: stubs of the services that the web app calls."""
