"""The conversation service as a member of the mesh."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager

import uvloop
from readback.conversation.v1 import conversation_service_pb2
from readback.conversation.v1.conversation_service_pb2_grpc import add_ConversationServiceServicer_to_server
from readback.identity.v1 import identity_service_pb2
from readback.identity.v1.identity_service_pb2_grpc import IdentityServiceStub

from mesh.calling.channel import open_channel
from mesh.clock import Clock, SystemClock
from mesh.logs import configure
from mesh.security.authentication import TokenVerifier
from mesh.security.jwks import keys_of_identity
from mesh.security.workload_identity import WorkloadIdentity
from mesh.serving.grpc_server import Member, Registration, serve
from mesh.serving.ports import endpoint_of
from mesh.settings import load
from services.conversation.assembly import replica
from services.conversation.calls.grants import IdentityGrants
from services.conversation.calls.livekit_rooms import livekit_rooms
from services.conversation.calls.ports import Grants, Rooms
from services.conversation.errors import ERRORS
from services.conversation.servicer import ConversationServicer
from services.conversation.settings import ConversationSettings


@asynccontextmanager
async def member(settings: ConversationSettings, clock: Clock | None = None) -> AsyncIterator[Member]:
    """Build the service; its database is migrated first and closed at the end."""
    clock = clock or SystemClock()
    async with AsyncExitStack() as stack:
        identity_service = identity_service_pb2.DESCRIPTOR.services_by_name["IdentityService"]
        channel = await stack.enter_async_context(
            open_channel(settings.address_of("identity"), identity_service)
        )
        identity = IdentityServiceStub(channel)
        workload = WorkloadIdentity(
            "conversation", settings.secrets.actor_key("conversation"), identity, clock
        )
        rooms = await stack.enter_async_context(
            livekit_rooms(
                settings.livekit_url,
                settings.livekit_keys,
                callers_url=settings.callers_livekit_url,
                agent_name=settings.agent_name,
                clock=clock,
            )
        )
        verifier = TokenVerifier(keys_of_identity(channel, clock), clock=clock)
        yield await stack.enter_async_context(
            assembled(settings, verifier, rooms, IdentityGrants(identity, workload), clock)
        )


@asynccontextmanager
async def assembled(
    settings: ConversationSettings, verifier: TokenVerifier, rooms: Rooms, grants: Grants, clock: Clock
) -> AsyncIterator[Member]:
    """Build the service with the given neighbours; tests replace them with doubles."""
    async with replica(settings, rooms, grants, clock) as running:
        yield Member("conversation", [_registration(running.servicer())], verifier, running.drain)


def _registration(servicer: ConversationServicer) -> Registration:
    descriptor = conversation_service_pb2.DESCRIPTOR.services_by_name["ConversationService"]
    return Registration(
        descriptor, lambda server: add_ConversationServiceServicer_to_server(servicer, server), ERRORS
    )


def main() -> None:
    """Serve conversations until SIGTERM.

    Raises:
        ConfigurationError: a setting is wrong or a port is in use.
    """
    settings = load(ConversationSettings)
    configure(settings, "conversation")
    uvloop.run(_run(settings))


async def _run(settings: ConversationSettings) -> None:
    async with member(settings) as conversation:
        endpoint, probes = (
            endpoint_of(settings, "conversation_port"),
            endpoint_of(settings, "conversation_http_port"),
        )
        await serve(conversation, settings, endpoint=endpoint, probes=probes)
