"""The services as the product runs them, on SQLite and with real password hashes, and their customers."""

from __future__ import annotations

import asyncio
import socket
import sys
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from pathlib import Path

from google.protobuf.timestamp_pb2 import Timestamp
from readback.conversation.v1 import conversation_service_pb2 as conversation
from readback.conversation.v1 import entry_pb2
from readback.conversation.v1.conversation_service_pb2_grpc import ConversationServiceStub
from readback.flightdata.v1 import flightdata_service_pb2
from readback.flightdata.v1.flightdata_service_pb2_grpc import FlightDataServiceStub
from readback.identity.v1 import identity_service_pb2 as identity
from readback.identity.v1.identity_service_pb2_grpc import IdentityServiceStub
from readback.internal.conversation.v1 import call_record_service_pb2 as call_record
from readback.internal.conversation.v1.call_record_service_pb2_grpc import CallRecordServiceStub
from readback.internal.identity.v1.identity_internal_service_pb2_grpc import IdentityInternalServiceStub

from bench.transcript_log.testbed.tcp_servers import room_server
from cli.supervisor.child_processes import child_process
from mesh.calling.channel import open_channel
from mesh.ids import uuid7
from mesh.security.authentication import bearer
from mesh.security.revocations import IDENTITY
from mesh.security.secrets import SecretStore
from mesh.security.workload_identity import WorkloadIdentity
from services.conversation.app import CONVERSATION
from tests.product import environment_for, wait_until_ready

PASSWORD = "a long walk in the park"  # of accounts that exist for minutes
PARTS = {"identity": "IDENTITY", "conversation": "CONVERSATION", "flightdata": "FLIGHTDATA", "gateway": "MCP"}
LONG_LOG_ENTRIES, LONG_TEXT = 768, "where to next with the morning flight " * 526
"""A log of the longest texts: 768 × 20,000 characters."""
ENTRIES_PER_APPEND = 96


@dataclass(frozen=True, slots=True)
class Customer:
    """A customer who is signed in."""

    email: str
    token: str


class Services:
    """The running services, and clients of them."""

    def __init__(self, home: Path, ports: dict[str, int]) -> None:
        self.home = home
        self.addresses = {part: f"127.0.0.1:{port}" for part, port in ports.items()}

    async def connect(self, stack: AsyncExitStack) -> None:
        """Open channels as the product does."""
        opened = {}
        for part, contracts in (
            ("identity", IDENTITY),
            ("conversation", CONVERSATION),
            ("flightdata", [flightdata_service_pb2.DESCRIPTOR.services_by_name["FlightDataService"]]),
        ):
            channel = open_channel(self.addresses[part], *contracts)
            opened[part] = await stack.enter_async_context(channel)
        self.identity = IdentityServiceStub(opened["identity"])
        self._exchange = IdentityInternalServiceStub(opened["identity"])
        self.conversation = ConversationServiceStub(opened["conversation"])
        self.call_records = CallRecordServiceStub(opened["conversation"])
        self.flightdata = FlightDataServiceStub(opened["flightdata"])

    async def customers(self, name: str, count: int) -> list[Customer]:
        """Register customers."""
        return [await self._register(f"{name}-{number}@example.com") for number in range(count)]

    async def _register(self, email: str) -> Customer:
        request = identity.RegisterRequest(email=email, password=PASSWORD, display_name="Somebody")
        registered = await self.identity.Register(request, timeout=30)
        return Customer(email, registered.tokens.access_token)

    async def start_conversation(self, customer: Customer) -> str:
        """Start a conversation; return its id."""
        request = conversation.StartConversationRequest(request_id=uuid7())
        started = await self.conversation.StartConversation(request, metadata=bearer(customer.token))
        return started.conversation.conversation_id

    async def agent_token(self) -> str:
        """Return a token of an agent that writes to calls."""
        key = SecretStore(self.home / "secrets").actor_key("agent")
        return await WorkloadIdentity("agent", key, self._exchange).own_token()

    async def long_log(self, customer: Customer) -> str:
        """Write a log of the longest texts; return the id of its conversation."""
        conversation_id = await self.start_conversation(customer)
        metadata = bearer(customer.token)
        request = conversation.StartCallRequest(conversation_id=conversation_id, request_id=uuid7())
        call = (await self.conversation.StartCall(request, metadata=metadata)).call
        writer = uuid7()
        opening = call_record.RecordOpen(call_id=call.call_id, epoch=call.epoch, writer_id=writer)
        record = self.call_records.Record(metadata=bearer(await self.agent_token()))
        await record.write(call_record.RecordRequest(open=opening))
        opened = await record.read()
        assert isinstance(opened, call_record.RecordResponse)
        for first in range(1, LONG_LOG_ENTRIES + 1, ENTRIES_PER_APPEND):
            drafts = [_long_draft(number) for number in range(first, first + ENTRIES_PER_APPEND)]
            await record.write(call_record.RecordRequest(append=call_record.RecordAppend(drafts=drafts)))
            await record.read()
        record.cancel()
        end = conversation.EndCallRequest(call_id=call.call_id, request_id=uuid7())
        await self.conversation.EndCall(end, metadata=metadata)
        return conversation_id


def _long_draft(number: int) -> call_record.Draft:
    utterance_id, now = uuid7(), Timestamp()
    now.FromDatetime(datetime.now(UTC))
    utterance = entry_pb2.Utterance(
        utterance_id=utterance_id,
        speaker=entry_pb2.SPEAKER_CUSTOMER,
        modality=entry_pb2.MODALITY_TEXT,
        text=f"{number} {LONG_TEXT}"[:20_000],
        sealing=entry_pb2.SEALING_FINAL,
    )
    return call_record.Draft(
        client_sequence=number, entry_id=utterance_id, start_time=now, end_time=now, utterance=utterance
    )


@asynccontextmanager
async def running_services(folder: Path) -> AsyncIterator[Services]:
    """Run the services until the block ends."""
    home = folder / "home"
    async with AsyncExitStack() as stack:
        livekit_url = await stack.enter_async_context(room_server())
        environment = environment_for(home, LIVEKIT_URL=livekit_url, READBACK_LOG_LEVEL="error")
        del environment["READBACK_IDENTITY_BCRYPT_COST"]  # the default, as in production
        SecretStore(home / "secrets").create_all()
        ports = {part: int(environment[f"READBACK_{name}_PORT"]) for part, name in PARTS.items()}
        http = {"http": int(environment["READBACK_GATEWAY_PORT"])}
        for part in PARTS:
            log = stack.enter_context((folder / f"{part}.log").open("wb"))
            command = [sys.executable, "-c", f"from services.{part}.app import main; main()"]
            stack.enter_context(child_process(command, env=environment, stdout=log, stderr=log))
        for port in (ports | http).values():
            await asyncio.to_thread(wait_until_ready, partial(_connect, port), OSError, 60)
        services = Services(home, ports | http)
        await services.connect(stack)
        yield services


def _connect(port: int) -> None:
    socket.create_connection(("127.0.0.1", port)).close()
