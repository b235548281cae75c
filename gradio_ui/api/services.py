"""The services behind the page. Channels live as long as the app does and belong to its event loop."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated

import grpc
from fastapi import Depends, Request
from readback.conversation.v1 import conversation_service_pb2 as conversation
from readback.conversation.v1.conversation_service_pb2_grpc import ConversationServiceStub
from readback.identity.v1 import identity_service_pb2 as identity
from readback.identity.v1.identity_service_pb2_grpc import IdentityServiceStub

from gradio_ui.settings import UiSettings
from gradio_ui.sign_in.browser_sessions import Session, SessionEnded, Sessions, TokenRefused
from gradio_ui.sign_in.cookie import CookieSeal
from mesh.calling.channel import open_channel
from mesh.security.authentication import bearer

if TYPE_CHECKING:
    from readback.conversation.v1.conversation_service_pb2_grpc import ConversationServiceAsyncStub
    from readback.identity.v1.identity_service_pb2_grpc import IdentityServiceAsyncStub

_IDENTITY = identity.DESCRIPTOR.services_by_name["IdentityService"]
_CONVERSATION = conversation.DESCRIPTOR.services_by_name["ConversationService"]


@dataclass(frozen=True, slots=True)
class Backends:
    """What routes need to answer."""

    identity: IdentityServiceAsyncStub
    """Accounts."""
    conversation: ConversationServiceAsyncStub
    """Conversations and calls; each RPC is sent with the customer's own token."""
    sessions: Sessions
    """Who is signed in."""


@asynccontextmanager
async def opened(settings: UiSettings) -> AsyncIterator[Backends]:
    """Opens the channels; connecting waits for the first use, so the page starts without its services."""
    async with (
        open_channel(settings.address_of("identity"), _IDENTITY) as identity_channel,
        open_channel(settings.address_of("conversation"), _CONVERSATION) as conversation_channel,
    ):
        identity_stub = IdentityServiceStub(identity_channel)
        async with Sessions(identity_stub, CookieSeal(settings.secrets.text("ui-session"))) as sessions:
            yield Backends(identity_stub, ConversationServiceStub(conversation_channel), sessions)


@dataclass(frozen=True, slots=True)
class Customer:
    """A signed-in customer for the length of one request."""

    session: Session
    """The sign-in."""
    token: str
    """The customer's own access token."""
    conversation: ConversationServiceAsyncStub
    """The conversation service."""

    @property
    def metadata(self) -> tuple[tuple[str, str], ...]:
        """Call metadata with the customer's own token."""
        return bearer(self.token)


def backends_of(request: Request) -> Backends:
    """The services of the app that answers a request."""
    backends: Backends = request.app.state.backends
    return backends


async def _signed_in(request: Request) -> AsyncIterator[Customer]:
    session: Session | None = request.state.session
    if session is None:
        raise SessionEnded
    backends = backends_of(request)
    token = await backends.sessions.access_token(session)
    try:
        yield Customer(session, token, backends.conversation)
    except grpc.aio.AioRpcError as error:
        if error.code() is not grpc.StatusCode.UNAUTHENTICATED:
            raise
        session.distrust(token)
        await backends.sessions.access_token(session)
        raise TokenRefused from error


SignedIn = Annotated[Customer, Depends(_signed_in)]
"""A route's parameter: who asks, with a token that is good for the request.

Raises:
    SessionEnded: nobody is signed in, or the service that the route asked found that the session is over.
    TokenRefused: that service takes no token of this session.
    grpc.aio.AioRpcError: the identity service can't be reached.
"""
ServicesOf = Annotated[Backends, Depends(backends_of)]
"""A route's parameter: the services behind the page."""
