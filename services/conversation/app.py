"""Assembly and entry point of the conversation service."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import grpc
import uvloop
from readback.conversation.v1 import conversation_service_pb2
from readback.conversation.v1.conversation_service_pb2_grpc import add_ConversationServiceServicer_to_server
from readback.internal.conversation.v1 import call_record_service_pb2, consent_evidence_service_pb2
from readback.internal.conversation.v1.call_record_service_pb2_grpc import (
    add_CallRecordServiceServicer_to_server,
)
from readback.internal.conversation.v1.consent_evidence_service_pb2_grpc import (
    add_ConsentEvidenceServiceServicer_to_server,
)
from readback.internal.identity.v1.identity_internal_service_pb2_grpc import IdentityInternalServiceStub

from mesh.calling.channel import open_channel
from mesh.clock import Clock, SystemClock
from mesh.deleted_customers import DeletedCustomersOfIdentity
from mesh.logs import configure
from mesh.security.revocations import IDENTITY, verifier_of_identity
from mesh.security.workload_identity import WorkloadIdentity
from mesh.serving.grpc_server import GrpcService, serve
from mesh.serving.ports import endpoint_of
from mesh.settings import load
from services.conversation.assembly import replica
from services.conversation.calls.grants import IdentityGrants
from services.conversation.calls.livekit_rooms import livekit_rooms
from services.conversation.errors import ERRORS
from services.conversation.settings import ConversationSettings

CONVERSATION = (
    conversation_service_pb2.DESCRIPTOR.services_by_name["ConversationService"],
    call_record_service_pb2.DESCRIPTOR.services_by_name["CallRecordService"],
    consent_evidence_service_pb2.DESCRIPTOR.services_by_name["ConsentEvidenceService"],
)


@asynccontextmanager
async def grpc_service(
    settings: ConversationSettings, clock: Clock | None = None
) -> AsyncIterator[GrpcService]:
    """Migrate the database and build the service. Close the database when the block ends."""
    clock, actor_key = clock or SystemClock(), settings.secrets.actor_key("conversation")
    rooms_client = livekit_rooms(
        settings.livekit_url,
        settings.livekit_keys,
        callers_url=settings.callers_livekit_url,
        agent_name=settings.agent_name,
        clock=clock,
    )
    async with open_channel(settings.address_of("identity"), *IDENTITY) as channel, rooms_client as rooms:
        identity = IdentityInternalServiceStub(channel)
        workload = WorkloadIdentity("conversation", actor_key, identity, clock)
        grants, deleted = IdentityGrants(identity, workload), DeletedCustomersOfIdentity(identity, workload)
        verifier = verifier_of_identity(channel, clock)
        async with replica(settings, rooms, grants, deleted, clock) as running:

            def add(server: grpc.aio.Server) -> None:
                add_ConversationServiceServicer_to_server(running.servicer, server)
                add_CallRecordServiceServicer_to_server(running.records, server)
                add_ConsentEvidenceServiceServicer_to_server(running.evidence, server)

            yield GrpcService("conversation", CONVERSATION, add, ERRORS, verifier, running.drain)


def main() -> None:
    """Run the conversation service until SIGTERM.

    Raises:
        ConfigurationError: a setting is invalid, or a port is in use.
    """
    settings = load(ConversationSettings)
    configure(settings, "conversation")
    uvloop.run(_run(settings))


async def _run(settings: ConversationSettings) -> None:
    async with grpc_service(settings) as conversation:
        endpoint = endpoint_of(settings, "conversation_port")
        probes = endpoint_of(settings, "conversation_http_port")
        await serve(conversation, settings, endpoint=endpoint, probes=probes)
