"""Every service as a process on PostgreSQL, two customers with a call each, and the installation's keys."""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, TypeVar

import grpc
import jwt
import psutil
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePrivateKey
from google.protobuf.json_format import MessageToJson
from google.protobuf.message import Message
from readback.booking.v1.booking_service_pb2_grpc import BookingServiceStub
from readback.booking.v1.bookings_pb2 import ConfirmQuoteRequest
from readback.booking.v1.quotes_pb2 import QuoteBookingRequest
from readback.booking.v1.travellers_pb2 import CreateTravellerRequest
from readback.conversation.v1 import conversation_service_pb2 as conversation
from readback.conversation.v1.conversation_service_pb2_grpc import ConversationServiceStub
from readback.flightdata.v1.flightdata_service_pb2_grpc import FlightDataServiceStub
from readback.identity.v1 import identity_service_pb2 as identity
from readback.identity.v1.identity_service_pb2_grpc import IdentityServiceStub
from readback.internal.booking.v1.booking_internal_service_pb2 import IssueConfirmationRequest
from readback.internal.booking.v1.booking_internal_service_pb2_grpc import BookingInternalServiceStub
from readback.internal.conversation.v1.call_record_service_pb2_grpc import CallRecordServiceStub
from readback.internal.identity.v1 import identity_internal_service_pb2 as internal
from readback.internal.identity.v1.identity_internal_service_pb2_grpc import IdentityInternalServiceStub

from mesh.errors import reason_of, retry_after_of
from mesh.ids import uuid7
from mesh.security.authentication import ACCESS_TOKEN_TYPE, ALGORITHM, WORKLOADS, bearer
from mesh.security.secrets import SecretStore
from mesh.security.workload_identity import WorkloadIdentity
from tests.flight_searches import search_request
from tests.integration.booking.harness import person
from tests.mesh_tokens import SigningKey
from tests.postgres_server import PostgresServer
from tests.product import environment_for
from tests.security.contracts import OK, Answer, Rpc

SERVICES = ("identity", "conversation", "flightdata", "booking")
ATTEMPTS = 20
PATIENCE = timedelta(seconds=2)
"""Longest wait before a request is sent again."""
PASSWORD = "a long walk in the park"
CALL_SECONDS, START_SECONDS = 20.0, 60.0
M = TypeVar("M", bound=Message)
Metadata = tuple[tuple[str, str | bytes], ...]


class Mesh:
    """The running services and what the cases need of them."""

    def __init__(self, environment: Mapping[str, str]) -> None:
        self.addresses = {
            name: f"127.0.0.1:{environment[f'READBACK_{name.upper()}_PORT']}" for name in SERVICES
        }
        self.secrets = SecretStore(Path(environment["READBACK_HOME"]) / "secrets")
        self.processes: dict[str, psutil.Process] = {}
        self.channels: dict[str, grpc.aio.Channel] = {}
        self.tokens: dict[str, str] = {}
        """Tokens by caller: `ada`, `bob`, `ada's agent`, a workload's name …"""
        self.ids: dict[str, dict[str, str]] = {}
        """The ids of each customer, by the name of the field that takes them."""

    async def prepare(self, stack: AsyncExitStack) -> None:
        """Connect, sign the customers up, and get everybody's tokens."""
        # A crash of the connection ends in an error at once, not in a retry.
        options = [("grpc.enable_retries", 0), ("grpc.use_local_subchannel_pool", 1)]
        for name, address in self.addresses.items():
            channel = grpc.aio.insecure_channel(address, options=options)
            self.channels[name] = await stack.enter_async_context(channel)
            await asyncio.wait_for(channel.channel_ready(), START_SECONDS)
        self.identity = IdentityServiceStub(self.channels["identity"])
        self.identity_internal = IdentityInternalServiceStub(self.channels["identity"])
        self.conversation = ConversationServiceStub(self.channels["conversation"])
        self.call_records = CallRecordServiceStub(self.channels["conversation"])
        self.key = SigningKey()
        private = serialization.load_pem_private_key(self.secrets.private_key("identity-signing-key"), None)
        assert isinstance(private, EllipticCurvePrivateKey)
        self.key.private, self.key.public = private, private.public_key()
        self.jwk = MessageToJson(
            (await self.identity.GetJwks(identity.GetJwksRequest())).keys[0], indent=None
        )
        self.kid = jwt.PyJWK.from_json(self.jwk).key_id
        self.tokens["agent"] = await self._workload("agent").own_token()
        for name in WORKLOADS.keys() - self.tokens.keys():
            self.tokens[name] = self.forged({"sub": name})
        for name in ("ada", "bob"):
            await self._sign_up(name)
        own, bobs = self.tokens["ada"], self.ids["bob"]
        self.tokens["ada's agent in bob's call"] = await self.exchanged(
            own, bobs["conversation_id"], bobs["call_id"]
        )
        self.tokens["operator"] = self.forged({"sub": "operator", "kind": "operator"})

    def _workload(self, name: str) -> WorkloadIdentity:
        return WorkloadIdentity(name, self.secrets.actor_key(name), self.identity_internal)

    async def _sign_up(self, name: str) -> None:
        request = identity.RegisterRequest(
            email=f"{name}@example.com", password=PASSWORD, display_name=name, locale="en-IN"
        )
        registered = await self.identity.Register(request)
        token = self.tokens[name] = registered.tokens.access_token
        self.tokens[f"{name}'s refresh token"] = registered.tokens.refresh_token
        metadata = bearer(token)
        started = await self.conversation.StartConversation(
            conversation.StartConversationRequest(request_id=uuid7()), metadata=metadata
        )
        conversation_id = started.conversation.conversation_id
        call = await self.conversation.StartCall(
            conversation.StartCallRequest(conversation_id=conversation_id), metadata=metadata
        )
        self.tokens[f"{name}'s LiveKit token"] = call.access.livekit_token
        listing = identity.ListSessionsRequest()
        self.ids[name] = {
            "customer_id": registered.customer.customer_id,
            "conversation_id": conversation_id,
            "call_id": call.call.call_id,
            "session_id": (await self.identity.ListSessions(listing, metadata=metadata))
            .sessions[0]
            .session_id,
        }
        self.ids[name] |= await self._book(self.ids[name], metadata)
        self.tokens[f"{name}'s agent"] = self.forged(
            {
                "kind": "agent",
                "sub": registered.customer.customer_id,
                "act": {"sub": "agent"},
                "call": call.call.call_id,
                "conversation": conversation_id,
            }
        )

    async def _book(self, ids: Mapping[str, str], metadata: Metadata) -> dict[str, str]:
        """Save a traveller and book a flight; return the ids of what was made."""
        stub = BookingServiceStub(self.channels["booking"])
        created = await stub.CreateTraveller(CreateTravellerRequest(traveller=person()), metadata=metadata)
        day = datetime.now(UTC).date() + timedelta(days=30)
        search = FlightDataServiceStub(self.channels["flightdata"])
        found = search.SearchFlights(search_request("MAA", "DEL", day), metadata=metadata)
        offers = [offer async for event in found for offer in event.results.offers]
        traveller_id = created.traveller.traveller_id
        request = QuoteBookingRequest(offer_ids=[offers[0].offer_id], traveller_ids=[traveller_id])
        quote = (await stub.QuoteBooking(request, metadata=metadata)).quote
        named = {"quote_id": quote.quote_id, "digest": quote.digest}
        owner = {"customer_id": ids["customer_id"], "session_id": ids["session_id"]}
        click = await BookingInternalServiceStub(self.channels["booking"]).IssueConfirmation(
            IssueConfirmationRequest(**named, **owner), metadata=bearer(self.tokens["page"])
        )
        confirm = ConfirmQuoteRequest(**named, confirmation=click.confirmation)
        booking = (await stub.ConfirmQuote(confirm, metadata=metadata)).booking
        made = {"quote_id": quote.quote_id, "booking_id": booking.booking_id}
        return {**made, "traveller_id": traveller_id}

    async def exchanged(self, customer_token: str, conversation_id: str, call_id: str) -> str:
        """Return an agent's token for a grant that a customer gives for any call, as an attacker would."""
        granted = await self.identity_internal.GrantCall(
            internal.GrantCallRequest(conversation_id=conversation_id, call_id=call_id),
            metadata=bearer(customer_token),
        )
        self.tokens["grant"] = granted.grant
        return await self.exchange(granted.grant)

    async def exchange(self, grant: str) -> str:
        """Return an agent's token for a grant."""
        return (await self._workload("agent").exchange(grant)).token

    def claims(self, caller: str) -> dict[str, Any]:
        """Return the claims of a caller's token."""
        claims: dict[str, Any] = jwt.decode(self.tokens[caller], options={"verify_signature": False})
        return claims

    def forged(self, claims: Mapping[str, Any], headers: Mapping[str, Any] | None = None) -> str:
        """Return a token with any claims and headers, signed with the installation's key.

        Claims that are absent are those of a workload's token.
        """
        body = json.dumps({**self.claims("agent"), **claims}).encode()
        return self.signed(body, headers)

    def signed(self, body: bytes, headers: Mapping[str, Any] | None = None) -> str:
        """Return a token with any body and headers, signed with the installation's key."""
        usual = {"typ": ACCESS_TOKEN_TYPE, "kid": self.kid}
        return jwt.api_jws.encode(body, self.key.private, ALGORITHM, {**usual, **(headers or {})})

    async def answer(
        self, rpc: Rpc, body: bytes, metadata: Metadata = (), *, compression: grpc.Compression | None = None
    ) -> Answer:
        """Return the answer to a request in bytes; send it again if the service says to do so soon."""
        for _ in range(ATTEMPTS):
            answer, wait = await self._first_answer(rpc, body, metadata, compression)
            if wait is None or wait > PATIENCE:
                break
            await asyncio.sleep(wait.total_seconds())
        return answer

    async def _first_answer(
        self, rpc: Rpc, body: bytes, metadata: Metadata, compression: grpc.Compression | None
    ) -> tuple[Answer, timedelta | None]:
        """Send a request; return its answer and the suggested wait. Any message of a stream is a success."""
        channel: Any = self.channels[rpc.served_by]
        # One message and the end of the stream are the same bytes, whether the client may send more or not.
        call: Any = channel.unary_stream(rpc.path)(
            body, metadata=metadata, timeout=CALL_SECONDS, compression=compression
        )
        try:
            await call.read()
        except grpc.aio.AioRpcError as error:
            return (error.code(), reason_of(error) or ""), retry_after_of(error)
        else:
            return OK, None
        finally:
            call.cancel()


@asynccontextmanager
async def running_mesh(home: Path, postgres: PostgresServer) -> AsyncIterator[Mesh]:
    """Run the services until the block ends."""
    settings = {
        "READBACK_IDENTITY_DATABASE_URL": postgres.new_database(),
        "READBACK_CONVERSATION_DATABASE_URL": postgres.new_database(),
        "READBACK_BOOKING_DATABASE_URL": postgres.new_database(),
        "READBACK_BOOKING_QUOTES_PER_HOUR": "100000",
        "READBACK_LOG_LEVEL": "error",
        "LIVEKIT_URL": "ws://127.0.0.1:9",
    }
    environment = environment_for(home, **settings)
    mesh = Mesh(environment)
    mesh.secrets.create_all()
    async with AsyncExitStack() as stack:
        for name in SERVICES:
            mesh.processes[name] = stack.enter_context(_process(name, environment))
        await mesh.prepare(stack)
        yield mesh


@contextmanager
def _process(name: str, environment: Mapping[str, str]) -> Iterator[psutil.Process]:
    command = [sys.executable, "-c", f"from services.{name}.app import main; main()"]
    with (Path(environment["READBACK_HOME"]) / f"{name}.log").open("wb") as log:
        process = subprocess.Popen(command, env=environment, stdout=log, stderr=log)
        try:
            yield psutil.Process(process.pid)
        finally:
            process.kill()
            process.wait()
