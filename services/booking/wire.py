"""Conversion of the domain's records to contract messages."""

from __future__ import annotations

from datetime import datetime

from readback.booking.v1 import bookings_pb2, quotes_pb2
from readback.booking.v1.travellers_pb2 import Traveller

from mesh.clock import timestamp
from mesh.contracts.updates import strong_etag
from services.booking.model.amounts import total_of
from services.booking.model.records import Booking, Quote
from services.booking.wording.statements import statements


def quote_message(quote: Quote, now: datetime) -> quotes_pb2.Quote:
    """Return a quote with its state at `now`."""
    return quotes_pb2.Quote(
        quote_id=quote.quote_id,
        state=quotes_pb2.QuoteState.Value(f"QUOTE_STATE_{quote.state_at(now)}"),
        terms=quote.terms,
        digest=quote.digest,
        expire_time=timestamp(quote.expires_at),
        booking_id=quote.booking_id or "",
    )


def booking_message(booking: Booking) -> bookings_pb2.Booking:
    """Return a booking."""
    terms, failure = booking.terms, booking.failure or "UNSPECIFIED"
    hold = booking.hold_expires_at
    return bookings_pb2.Booking(
        booking_id=booking.booking_id,
        booking_code=booking.code,
        state=bookings_pb2.BookingState.Value(f"BOOKING_STATE_{booking.state}"),
        payment_state=bookings_pb2.PaymentState.Value(f"PAYMENT_STATE_{booking.payment_state}"),
        failure=bookings_pb2.BookingFailure.Value(f"BOOKING_FAILURE_{failure}"),
        quote_id=booking.quote_id,
        supplier=booking.supplier,
        sandbox=terms.sandbox,
        airline_reference=booking.airline_reference,
        ticket_numbers=booking.tickets,
        items=terms.items,
        passengers=terms.passengers,
        total=total_of(item.flights.price for item in terms.items),
        hold_expire_time=timestamp(hold) if hold else None,
        statements=statements(booking),
        create_time=timestamp(booking.created_at),
        update_time=timestamp(booking.changed_at),
    )


def traveller_message(traveller: Traveller) -> Traveller:
    """Return a traveller with its etag."""
    message = Traveller()
    message.CopyFrom(traveller)
    message.etag = strong_etag(traveller.SerializeToString(deterministic=True))
    return message
