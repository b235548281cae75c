"""Spoken consent end to end: the agent's recorder, the log, the consent service, and a ticketed booking."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import grpc
import pytest
import pytest_asyncio
from readback.booking.v1 import bookings_pb2, quotes_pb2
from readback.booking.v1.bookings_pb2 import BOOKING_STATE_CANCELLED, BOOKING_STATE_CANCELLING
from readback.conversation.v1 import conversation_service_pb2, entry_pb2
from readback.conversation.v1.conversation_service_pb2_grpc import ConversationServiceStub
from readback.internal.conversation.v1.call_record_service_pb2_grpc import CallRecordServiceStub

from mesh.calling.channel import open_channel
from mesh.clock import timestamp
from mesh.ids import uuid7
from mesh.security.authentication import bearer
from mesh.security.workload_identity import WorkloadIdentity
from mesh.serving.grpc_server import running
from mesh.settings import load
from services.booking.app import grpc_service
from services.booking.settings import BookingSettings
from services.conversation.app import CONVERSATION
from services.conversation.app import grpc_service as conversation_service
from services.conversation.client.recorder import Recorder
from services.conversation.settings import ConversationSettings
from tests.integration.booking.harness import Booking, Customer, connected, neighbours
from tests.integration.identity.harness import refused

pytestmark = [pytest.mark.integration, pytest.mark.asyncio(loop_scope="module")]
AGENT, CUSTOMER = entry_pb2.SPEAKER_AGENT, entry_pb2.SPEAKER_CUSTOMER
CONSENT_REQUIRED = (grpc.StatusCode.FAILED_PRECONDITION, "CONSENT_REQUIRED")


@dataclass
class Line:
    """A call of a customer with its agent's recorder."""

    customer: Customer
    recorder: Recorder
    headers: tuple[tuple[str, str], ...]
    """Of the agent that acts in the call."""
    now: datetime

    async def say(self, speaker: entry_pb2.Speaker.ValueType, text: str, **fields: object) -> None:
        """Record an utterance of a second, half a second after the last one."""
        start = self.now + timedelta(seconds=0.5)
        self.now = start + timedelta(seconds=1)
        times = {"start_time": start, "end_time": self.now}
        self.recorder.seal(uuid7(), speaker, text, **times, **fields)  # type: ignore[arg-type]  # its fields
        await self.recorder.flushed()

    async def read_back(self, quote: quotes_pb2.Quote, text: str = "") -> None:
        """Read a quote back, and have it played to its end."""
        text = text or quote.terms.read_backs[0].text
        played = timestamp(self.now + timedelta(seconds=1.5))
        delivery = entry_pb2.Delivery(characters=len(text), play_time=played)
        await self.say(AGENT, text, readback_of=quote.digest, delivered_through=delivery)

    async def confirm(self, quote: quotes_pb2.Quote) -> bookings_pb2.Booking:
        """Confirm a quote as the agent."""
        return await self.customer.confirm(quote, "", self.headers)


@dataclass
class Mesh:
    """Booking, conversation and their neighbours."""

    booking: Booking
    conversation_address: str
    home: Path


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def mesh(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Mesh]:
    """The services, shared by the tests."""
    home = tmp_path_factory.mktemp("home")
    async with AsyncExitStack() as stack:
        identity, flightdata = await stack.enter_async_context(neighbours(home))
        where = {"home": home, "identity_address": identity.address}
        log = await stack.enter_async_context(
            conversation_service(load(ConversationSettings, **where, livekit_url="ws://127.0.0.1:9"))
        )
        conversation = (await stack.enter_async_context(running(log))).address
        settings = load(
            BookingSettings, **where, flightdata_address=flightdata, conversation_address=conversation
        )
        service = await stack.enter_async_context(grpc_service(settings))
        address = (await stack.enter_async_context(running(service))).address
        booking = await stack.enter_async_context(connected(address, identity, flightdata))
        yield Mesh(booking, conversation, home)


@pytest_asyncio.fixture(loop_scope="module")
async def line(mesh: Mesh) -> AsyncIterator[Line]:
    """A call of a new customer."""
    identity = mesh.booking.identity
    asha = await mesh.booking.customer()
    workload = WorkloadIdentity("agent", identity.settings.secrets.actor_key("agent"), identity.internal)
    async with open_channel(mesh.conversation_address, *CONVERSATION) as channel:
        stub = ConversationServiceStub(channel)
        started = await stub.StartConversation(
            conversation_service_pb2.StartConversationRequest(), metadata=asha.headers
        )
        conversation_id = started.conversation.conversation_id
        call = (
            await stub.StartCall(
                conversation_service_pb2.StartCallRequest(conversation_id=conversation_id),
                metadata=asha.headers,
            )
        ).call
        grant = await identity.grant(asha.signed_in, call.call_id, conversation_id)
        headers = bearer((await workload.exchange(grant.grant)).token)
        async with (
            open_channel(mesh.conversation_address, *CONVERSATION, tokens=workload.own_token) as own,
            Recorder(CallRecordServiceStub(own), call.call_id, call.epoch, uuid7()) as recorder,
        ):
            yield Line(asha, recorder, headers, datetime.now(UTC) - timedelta(seconds=30))


async def test_a_read_back_and_a_yes_book(line: Line) -> None:
    quote = await line.customer.quote()
    assert await refused(line.confirm(quote)) == CONSENT_REQUIRED
    await line.read_back(quote)
    assert await refused(line.confirm(quote)) == CONSENT_REQUIRED
    await line.say(CUSTOMER, "yes, book it")
    pending = await line.confirm(quote)
    booked = await line.customer.settled(pending.booking_id)
    assert booked.state == bookings_pb2.BOOKING_STATE_TICKETED


@pytest.mark.parametrize(
    "reply", ["no", "yes, but the evening one", "okay", "what time does it land?", "consent equals true"]
)
async def test_other_replies_book_nothing(line: Line, reply: str) -> None:
    quote = await line.customer.quote()
    await line.read_back(quote)
    await line.say(CUSTOMER, reply)
    assert await refused(line.confirm(quote)) == CONSENT_REQUIRED


async def test_a_yes_to_other_words_books_nothing(line: Line) -> None:
    quote = await line.customer.quote()
    await line.read_back(quote, "I can book a flight for one rupee. Shall I?")
    await line.say(CUSTOMER, "yes, book it")
    assert await refused(line.confirm(quote)) == CONSENT_REQUIRED


async def test_a_yes_to_another_quote_books_nothing(line: Line) -> None:
    quote, other = await line.customer.quote(), await line.customer.quote("Iyer")
    await line.read_back(other)
    await line.say(CUSTOMER, "yes, book it")
    assert await refused(line.confirm(quote)) == CONSENT_REQUIRED


async def test_words_after_the_yes_stop_the_booking(line: Line) -> None:
    quote = await line.customer.quote()
    await line.read_back(quote)
    # It settles 800 ms after its commit, so the next words arrive while the dispatcher waits.
    line.now = datetime.now(UTC)
    await line.say(CUSTOMER, "yes, book it")
    pending = await line.confirm(quote)
    await line.say(CUSTOMER, "wait, not that one")
    stopped = await line.customer.settled(pending.booking_id)
    assert stopped.failure == bookings_pb2.BOOKING_FAILURE_CONSENT_WITHDRAWN


async def test_a_cancellation_is_read_back_and_confirmed(line: Line, mesh: Mesh) -> None:
    asha, stub = line.customer, mesh.booking.stub
    booked = await asha.settled((await asha.confirm(await asha.quote())).booking_id)
    request = quotes_pb2.QuoteCancellationRequest(booking_id=booked.booking_id)
    quote = (await stub.QuoteCancellation(request, metadata=line.headers)).quote
    await line.read_back(quote)
    await line.say(CUSTOMER, "yes, cancel it")
    await line.confirm(quote)
    cancelled = await asha.settled(booked.booking_id, BOOKING_STATE_CANCELLING)
    assert cancelled.state == BOOKING_STATE_CANCELLED
