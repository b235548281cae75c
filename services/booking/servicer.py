"""gRPC servicers of booking: convert between contract messages and the domain."""
# ruff: noqa: ARG002 -- gRPC gives every method a context

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import aclosing
from dataclasses import dataclass
from typing import Any, TypeVar

import grpc
from google.protobuf.message import Message
from readback.booking.v1 import booking_service_pb2_grpc, bookings_pb2, quotes_pb2, travellers_pb2
from readback.internal.booking.v1 import booking_internal_service_pb2 as internal
from readback.internal.booking.v1 import booking_internal_service_pb2_grpc
from readback.options.v1 import options_pb2

from mesh.clock import Clock, timestamp
from mesh.contracts.page_tokens import PageSize, PageTokens, listing_of
from mesh.contracts.updates import fields_to_update, require_etag
from mesh.security.authentication import current_customer, current_principal
from mesh.security.token_buckets import TokenBuckets
from services.booking.changes import Changes
from services.booking.confirming import Confirming
from services.booking.consent import Caller, Click, Confirmations
from services.booking.errors import BookingNotFound, TooManyQuotes
from services.booking.model.records import Quote
from services.booking.model.states import BookingState
from services.booking.quoting import Quotes
from services.booking.store.store import AFTER_ALL_IDS, Store, Transaction
from services.booking.travellers import CHANGEABLE, Travellers
from services.booking.watching import Watches
from services.booking.wire import booking_message, quote_message, traveller_message

Context = grpc.aio.ServicerContext[Any, Any]
M = TypeVar("M", bound=Message)
PAGE = PageSize(20, 100)


@dataclass(eq=False, kw_only=True)
class BookingServicer(booking_service_pb2_grpc.BookingServiceServicer):
    """Implements `booking_service.proto`, which documents each RPC."""

    store: Store
    quotes: Quotes
    confirming: Confirming
    travellers: Travellers
    watches: Watches
    changes: Changes
    quota: TokenBuckets
    pages: PageTokens
    clock: Clock

    async def QuoteBooking(
        self, request: quotes_pb2.QuoteBookingRequest, context: Context
    ) -> quotes_pb2.QuoteBookingResponse:
        """Quote a new booking."""
        customer_id, token = current_customer(), current_principal().token
        return await self._quoted(
            request,
            quotes_pb2.QuoteBookingResponse,
            lambda: self.quotes.for_booking(customer_id, request.offer_ids, request.traveller_ids, token),
        )

    async def QuoteCancellation(
        self, request: quotes_pb2.QuoteCancellationRequest, context: Context
    ) -> quotes_pb2.QuoteCancellationResponse:
        """Quote the cancellation of a booking."""
        customer_id = current_customer()
        return await self._quoted(
            request,
            quotes_pb2.QuoteCancellationResponse,
            lambda: self.quotes.for_cancellation(customer_id, request.booking_id),
        )

    async def QuoteChange(
        self, request: quotes_pb2.QuoteChangeRequest, context: Context
    ) -> quotes_pb2.QuoteChangeResponse:
        """Quote a change of a booking."""
        customer_id, token = current_customer(), current_principal().token
        return await self._quoted(
            request,
            quotes_pb2.QuoteChangeResponse,
            lambda: self.quotes.for_change(
                customer_id, request.booking_id, request.offer_ids, request.traveller_ids, token
            ),
        )

    async def _quoted(self, request: Any, response: type[M], make: Callable[[], Awaitable[Quote]]) -> M:
        """Store the quote that `make` returns, once for a request id, and return it."""
        customer_id = current_customer()
        if answer := await self.store.answered(customer_id, request, response):
            return answer
        if wait := self.quota.take(customer_id):
            raise TooManyQuotes(wait)
        # Before the transaction, because the supplier may take longer than a transaction may.
        quote = await make()

        async def add(tx: Transaction) -> M:
            await tx.add_quote(quote)
            return response(quote=quote_message(quote, self.clock.now()))

        return await self.store.once(customer_id, request, response, add)

    async def GetQuote(
        self, request: quotes_pb2.GetQuoteRequest, context: Context
    ) -> quotes_pb2.GetQuoteResponse:
        """Return one quote."""
        quote = await self.quotes.get(current_customer(), request.quote_id)
        return quotes_pb2.GetQuoteResponse(quote=quote_message(quote, self.clock.now()))

    async def ConfirmQuote(
        self, request: bookings_pb2.ConfirmQuoteRequest, context: Context
    ) -> bookings_pb2.ConfirmQuoteResponse:
        """Confirm a quote with consent, and answer before the supplier does."""
        caller, response = _caller(), bookings_pb2.ConfirmQuoteResponse
        # A proof differs from click to click, and a repeated request must be the same request.
        repeatable = bookings_pb2.ConfirmQuoteRequest(
            quote_id=request.quote_id, digest=request.digest, request_id=request.request_id
        )
        if answer := await self.store.answered(caller.customer_id, repeatable, response):
            return answer
        quote_id, digest = request.quote_id, request.digest
        consent = await self.confirming.consent(caller, quote_id, digest, request.confirmation)

        async def confirm(tx: Transaction) -> bookings_pb2.ConfirmQuoteResponse:
            booking = await self.confirming.confirm(tx, caller, quote_id, digest, consent)
            return response(booking=booking_message(booking))

        answer = await self.store.once(caller.customer_id, repeatable, response, confirm)
        self.changes.new_attempt()
        self.changes.bookings_of(caller.customer_id)
        return answer

    async def WithdrawQuote(
        self, request: quotes_pb2.WithdrawQuoteRequest, context: Context
    ) -> quotes_pb2.WithdrawQuoteResponse:
        """Withdraw an open quote, or stop a confirmed one that wasn't sent."""
        customer_id, response = current_customer(), quotes_pb2.WithdrawQuoteResponse

        async def withdraw(tx: Transaction) -> quotes_pb2.WithdrawQuoteResponse:
            quote = await self.confirming.withdraw(tx, customer_id, request.quote_id)
            return response(quote=quote_message(quote, self.clock.now()))

        answer = await self.store.once(customer_id, request, response, withdraw)
        self.changes.bookings_of(customer_id)
        return answer

    async def GetBooking(
        self, request: bookings_pb2.GetBookingRequest, context: Context
    ) -> bookings_pb2.GetBookingResponse:
        """Return one booking."""
        async with self.store.reading() as tx:
            booking = await tx.booking(current_customer(), request.booking_id.lower())
        if booking is None:
            raise BookingNotFound
        return bookings_pb2.GetBookingResponse(booking=booking_message(booking))

    async def ListBookings(
        self, request: bookings_pb2.ListBookingsRequest, context: Context
    ) -> bookings_pb2.ListBookingsResponse:
        """List the customer's bookings."""
        customer_id, size = current_customer(), PAGE.of(request.page_size)
        scope = f"{customer_id} {listing_of(request)}"
        before = self.pages.open(request.page_token, scope) if request.page_token else AFTER_ALL_IDS
        states = [BookingState(_name(state)) for state in request.states if state]
        async with self.store.reading() as tx:
            found = await tx.bookings(customer_id, states, before=before, limit=size + 1)
        page = found[:size]
        return bookings_pb2.ListBookingsResponse(
            bookings=[booking_message(booking) for booking in page],
            next_page_token=self.pages.seal(page[-1].booking_id, scope) if len(found) > size else "",
        )

    async def WatchBookings(
        self, request: bookings_pb2.WatchBookingsRequest, context: Context
    ) -> AsyncIterator[bookings_pb2.WatchBookingsResponse]:
        """Stream bookings now and after every change."""
        async with aclosing(self.watches.watch(current_customer(), request.booking_id.lower())) as events:
            async for event in events:
                yield event

    async def CreateTraveller(
        self, request: travellers_pb2.CreateTravellerRequest, context: Context
    ) -> travellers_pb2.CreateTravellerResponse:
        """Save a traveller."""
        customer_id, response = current_customer(), travellers_pb2.CreateTravellerResponse

        async def create(tx: Transaction) -> travellers_pb2.CreateTravellerResponse:
            traveller = await self.travellers.create(tx, customer_id, request.traveller)
            return response(traveller=traveller_message(traveller))

        return await self.store.once(customer_id, request, response, create)

    async def ListTravellers(
        self, request: travellers_pb2.ListTravellersRequest, context: Context
    ) -> travellers_pb2.ListTravellersResponse:
        """List the customer's travellers."""
        customer_id, size = current_customer(), PAGE.of(request.page_size)
        scope = f"travellers of {customer_id}"
        after = self.pages.open(request.page_token, scope) if request.page_token else ""
        async with self.store.reading() as tx:
            found = await tx.travellers(customer_id, after=after, limit=size + 1)
        page = found[:size]
        return travellers_pb2.ListTravellersResponse(
            travellers=[traveller_message(saved.traveller) for saved in page],
            next_page_token=self.pages.seal(page[-1].traveller_id, scope) if len(found) > size else "",
        )

    async def UpdateTraveller(
        self, request: travellers_pb2.UpdateTravellerRequest, context: Context
    ) -> travellers_pb2.UpdateTravellerResponse:
        """Change a traveller."""
        update = request.traveller
        names = fields_to_update(update, request.update_mask, CHANGEABLE)
        async with self.store.writing() as tx:
            traveller = await self.travellers.update(
                tx,
                current_customer(),
                update,
                names,
                lambda stored: require_etag(traveller_message(stored), update.etag),
            )
        return travellers_pb2.UpdateTravellerResponse(traveller=traveller_message(traveller))

    async def DeleteTraveller(
        self, request: travellers_pb2.DeleteTravellerRequest, context: Context
    ) -> travellers_pb2.DeleteTravellerResponse:
        """Delete a traveller."""
        customer_id, response = current_customer(), travellers_pb2.DeleteTravellerResponse

        async def delete(tx: Transaction) -> travellers_pb2.DeleteTravellerResponse:
            stored = await self.travellers.get(tx, customer_id, request.traveller_id)
            require_etag(traveller_message(stored), request.etag)
            await tx.delete_traveller(stored.traveller_id)
            return response()

        return await self.store.once(customer_id, request, response, delete)


class BookingInternalServicer(booking_internal_service_pb2_grpc.BookingInternalServiceServicer):
    """Implements `booking_internal_service.proto`, which documents each RPC."""

    def __init__(self, confirmations: Confirmations) -> None:
        self._confirmations = confirmations

    async def IssueConfirmation(
        self, request: internal.IssueConfirmationRequest, context: Context
    ) -> internal.IssueConfirmationResponse:
        """Issue the proof of a click in the web app."""
        click = Click(
            request.customer_id.lower(),
            request.session_id.lower(),
            request.quote_id.lower(),
            request.digest,
        )
        proof, expires = self._confirmations.issue(click)
        return internal.IssueConfirmationResponse(confirmation=proof, expire_time=timestamp(expires))


def _caller() -> Caller:
    principal = current_principal()
    return Caller(
        customer_id=current_customer(),
        session_id=principal.session_id,
        call_id=principal.call_id,
        is_agent=principal.kind == options_pb2.ACCESS_AGENT,
    )


def _name(state: bookings_pb2.BookingState.ValueType) -> str:
    return bookings_pb2.BookingState.Name(state).removeprefix("BOOKING_STATE_")
