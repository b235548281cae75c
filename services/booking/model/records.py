"""Rows of the database as dataclasses. Times are UTC, ids are UUIDv7 text."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from readback.booking.v1.quotes_pb2 import QuoteTerms
from readback.booking.v1.travellers_pb2 import Traveller

from services.booking.model.states import BookingState, Failure, PaymentState, QuoteKind, QuoteState


@dataclass(frozen=True, slots=True)
class SavedTraveller:
    """A traveller of a customer."""

    traveller_id: str
    customer_id: str
    traveller: Traveller
    """The contract's message, without its etag."""


@dataclass(frozen=True, slots=True)
class Quote:
    """Terms, and whether they can be confirmed. Only the state and the booking change."""

    quote_id: str
    customer_id: str
    kind: QuoteKind
    state: QuoteState
    supplier: str
    terms: QuoteTerms
    digest: str
    booking_id: str | None
    """The booking that it made, or that it cancels or changes."""
    expires_at: datetime
    created_at: datetime

    def state_at(self, now: datetime) -> QuoteState:
        """Return the state, EXPIRED if the quote is open and its time is over."""
        expired = self.state is QuoteState.OPEN and now >= self.expires_at
        return QuoteState.EXPIRED if expired else self.state


@dataclass(frozen=True, slots=True)
class Booking:
    """A booking at a supplier."""

    booking_id: str
    customer_id: str
    code: str
    state: BookingState
    payment_state: PaymentState
    failure: Failure | None
    quote_id: str
    """The quote whose terms are booked: the first one, or that of the last change."""
    supplier: str
    terms: QuoteTerms
    order_id: str
    """The supplier's id of the order; empty until it is known."""
    airline_reference: str
    tickets: tuple[str, ...]
    hold_expires_at: datetime | None
    version: int
    """Counted up with every change, so that watchers notice it."""
    created_at: datetime
    changed_at: datetime


@dataclass(frozen=True, slots=True)
class Attempt:
    """The one request to a supplier that a confirmed quote allows."""

    quote_id: str
    booking_id: str
    customer_id: str
    kind: QuoteKind
    restore: BookingState | None
    """State to return to if the supplier refuses a cancellation or a change."""
    call_id: str | None
    """The call whose transcript holds the consent; None for a click."""
    consent: str
    """Facts about the consent, as JSON."""
    created_at: datetime
    due_at: datetime
    """When the dispatcher handles the attempt next."""
    sent_at: datetime | None
    """Committed before the first byte leaves. With it, the request is never sent again, only looked up."""
    done_at: datetime | None
    look_ups: int
