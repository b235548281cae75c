"""Booking over real identity and flight-data services, on free ports, and the calls that many tests make."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, timedelta
from itertools import count
from pathlib import Path
from typing import TYPE_CHECKING, Any

import grpc
from google.type.date_pb2 import Date
from readback.booking.v1 import bookings_pb2, quotes_pb2, travellers_pb2
from readback.booking.v1.booking_service_pb2_grpc import BookingServiceStub
from readback.flightdata.v1 import flights_pb2
from readback.flightdata.v1.flightdata_service_pb2_grpc import FlightDataServiceStub
from readback.identity.v1.identity_service_pb2 import ListSessionsRequest
from readback.internal.booking.v1.booking_internal_service_pb2 import IssueConfirmationRequest
from readback.internal.booking.v1.booking_internal_service_pb2_grpc import BookingInternalServiceStub

from mesh.calling.channel import open_channel, streaming
from mesh.database.engine import open_engine
from mesh.ids import uuid7
from mesh.security.authentication import bearer
from mesh.serving.grpc_server import running
from mesh.settings import load
from services.booking.app import BOOKING, FLIGHTDATA, grpc_service
from services.booking.consent import Decision, Verdict, facts
from services.booking.errors import ConsentUnavailable
from services.booking.model.records import Quote
from services.booking.settings import BookingSettings
from services.booking.store.store import Store
from services.flightdata.app import grpc_service as flightdata_service
from services.flightdata.settings import FlightDataSettings
from tests.flight_searches import search_request
from tests.integration.identity.harness import Headers, Identity, SignedIn, running_identity

if TYPE_CHECKING:
    from readback.booking.v1.booking_service_pb2_grpc import BookingServiceAsyncStub
    from readback.flightdata.v1.flightdata_service_pb2_grpc import FlightDataServiceAsyncStub
    from readback.internal.booking.v1.booking_internal_service_pb2_grpc import (
        BookingInternalServiceAsyncStub,
    )

AFFIRMED = Decision(Verdict.AFFIRMED, facts=facts("spoken"))
_numbers = count()
PENDING = (bookings_pb2.BOOKING_STATE_PENDING, bookings_pb2.BOOKING_STATE_UNKNOWN)


@dataclass
class Transcript:
    """What the log says about consent: a `ConsentEvidence` that a test sets."""

    decisions: dict[str, list[Decision]] = field(default_factory=dict)
    """Decisions in turn for each digest; the last one stays."""
    available: bool = True
    asked: list[tuple[str, str, str]] = field(default_factory=list)

    async def decide(self, quote: Quote, call_id: str) -> Decision:
        """Return the next decision about a quote."""
        if not self.available:
            raise ConsentUnavailable
        self.asked.append((quote.customer_id, call_id, quote.digest))
        decisions = self.decisions.get(quote.digest, [Decision(Verdict.REFUSED, "none")])
        return decisions.pop(0) if len(decisions) > 1 else decisions[0]


@dataclass(frozen=True)
class Booking:
    """A running booking service and its neighbours."""

    stub: BookingServiceAsyncStub
    internal: BookingInternalServiceAsyncStub
    flightdata: FlightDataServiceAsyncStub
    identity: Identity
    transcript: Transcript
    database: Store | None = None

    @property
    def store(self) -> Store:
        """The service's database, for what no RPC shows."""
        assert self.database is not None
        return self.database

    async def ready(self) -> None:
        """Wait until the service answers."""
        request = bookings_pb2.ListBookingsRequest()
        with suppress(grpc.aio.AioRpcError):  # no token
            await self.stub.ListBookings(request, wait_for_ready=True, timeout=30)

    async def customer(self) -> Customer:
        """Register a customer, who flies on a day on which no other test flies."""
        number = next(_numbers)
        signed_in = await self.identity.register(f"asha{number}@example.com")
        return Customer(self, signed_in, datetime.now(UTC).date() + timedelta(days=7 + number))


@dataclass(frozen=True)
class Customer:
    """A customer with a session."""

    booking: Booking
    signed_in: SignedIn
    day: date

    @property
    def headers(self) -> Headers:
        """Call metadata with the access token."""
        return self.signed_in.headers

    @property
    def customer_id(self) -> str:
        """The customer's id."""
        return self.signed_in.customer.customer_id

    async def traveller(self, **fields: Any) -> travellers_pb2.Traveller:
        """Save a traveller."""
        request = travellers_pb2.CreateTravellerRequest(traveller=person(**fields))
        return (await self.booking.stub.CreateTraveller(request, metadata=self.headers)).traveller

    async def offers(
        self, origin: str = "MAA", destination: str = "DEL", **fields: Any
    ) -> list[flights_pb2.Offer]:
        """Search for flights on the customer's day."""
        request = search_request(origin, destination, self.day, **fields)
        async with streaming(self.booking.flightdata.SearchFlights(request, metadata=self.headers)) as events:
            return [offer async for event in events for offer in event.results.offers]

    async def quote(self, family_name: str = "Rao", **fields: Any) -> quotes_pb2.Quote:
        """Quote the first flight for one new traveller."""
        traveller = await self.traveller(family_name=family_name)
        offers = await self.offers()
        request = quotes_pb2.QuoteBookingRequest(
            offer_ids=[offers[0].offer_id], traveller_ids=[traveller.traveller_id], **fields
        )
        return (await self.booking.stub.QuoteBooking(request, metadata=self.headers)).quote

    async def click(self, quote: quotes_pb2.Quote) -> str:
        """Return the proof of a click on a quote in the web app."""
        session = (
            await self.booking.identity.stub.ListSessions(ListSessionsRequest(), metadata=self.headers)
        ).sessions[0]
        page = bearer(await self.booking.identity.exchange(actor="page"))
        request = IssueConfirmationRequest(
            customer_id=self.customer_id,
            session_id=session.session_id,
            quote_id=quote.quote_id,
            digest=quote.digest,
        )
        return (await self.booking.internal.IssueConfirmation(request, metadata=page)).confirmation

    async def confirm(
        self,
        quote: quotes_pb2.Quote,
        confirmation: str | None = None,
        headers: Headers | None = None,
        **fields: str,
    ) -> bookings_pb2.Booking:
        """Confirm a quote by a click."""
        proof = await self.click(quote) if confirmation is None else confirmation
        request = bookings_pb2.ConfirmQuoteRequest(
            **{"quote_id": quote.quote_id, "digest": quote.digest, "confirmation": proof} | fields
        )
        return (await self.booking.stub.ConfirmQuote(request, metadata=headers or self.headers)).booking

    async def agent(self) -> tuple[str, Headers]:
        """Return a call of the customer, and the headers of its agent."""
        call_id = uuid7()
        grant = (await self.booking.identity.grant(self.signed_in, call_id)).grant
        return call_id, bearer(await self.booking.identity.exchange(grant))

    async def settled(self, booking_id: str, *pending: int, timeout: float = 20) -> bookings_pb2.Booking:
        """Watch a booking until its state is none of `pending`."""
        waiting = pending or PENDING
        request = bookings_pb2.WatchBookingsRequest(booking_id=booking_id)
        call = self.booking.stub.WatchBookings(request, metadata=self.headers, timeout=timeout)
        async with streaming(call) as events:
            async for event in events:
                if event.HasField("booking") and event.booking.state not in waiting:
                    return event.booking
        raise AssertionError("the watch ended")

    async def get(self, booking_id: str) -> bookings_pb2.Booking:
        """Return a booking."""
        request = bookings_pb2.GetBookingRequest(booking_id=booking_id)
        return (await self.booking.stub.GetBooking(request, metadata=self.headers)).booking


def person(**fields: Any) -> travellers_pb2.Traveller:
    """Return a traveller who isn't saved."""
    standard: dict[str, Any] = {
        "title": travellers_pb2.TITLE_MS,
        "given_name": "Asha",
        "family_name": "Rao",
        "birth_date": Date(year=1990, month=2, day=28),
        "gender": travellers_pb2.GENDER_FEMALE,
        "email": "asha@example.com",
        "phone_number": "+91 98765 43210",
    }
    return travellers_pb2.Traveller(**standard | fields)


@asynccontextmanager
async def running_booking(home: Path, database_url: str = "") -> AsyncIterator[Booking]:
    """Run booking and its neighbours until the block ends."""
    transcript = Transcript()
    async with neighbours(home) as (identity, flightdata_address):
        settings = load(
            BookingSettings,
            home=home,
            identity_address=identity.address,
            flightdata_address=flightdata_address,
            booking_database_url=database_url,
        )
        async with (
            grpc_service(settings, evidence=transcript) as service,
            running(service) as server,
            connected(server.address, identity, flightdata_address, transcript) as booking,
        ):
            engine = open_engine(settings.database_url)
            yield replace(booking, database=Store(engine))
            await engine.dispose()


@asynccontextmanager
async def neighbours(home: Path) -> AsyncIterator[tuple[Identity, str]]:
    """Run identity and flight data until the block ends; yield identity and the address of flight data."""
    async with running_identity(home) as identity:
        settings = load(FlightDataSettings, home=home, identity_address=identity.address)
        async with flightdata_service(settings) as flights, running(flights) as server:
            yield identity, server.address


@asynccontextmanager
async def connected(
    address: str, identity: Identity, flightdata_address: str, transcript: Transcript | None = None
) -> AsyncIterator[Booking]:
    """Connect to a running booking service."""
    async with (
        open_channel(address, *BOOKING) as channel,
        open_channel(flightdata_address, FLIGHTDATA) as search,
    ):
        yield Booking(
            BookingServiceStub(channel),
            BookingInternalServiceStub(channel),
            FlightDataServiceStub(search),
            identity,
            transcript or Transcript(),
        )
