"""The three state machines: of quotes, of bookings and of payments.

The names of the states are those of the contract's enums, without their prefixes.
"""

from __future__ import annotations

from enum import StrEnum, auto

from services.booking.model.transitions import Machine


class _Named(StrEnum):
    @staticmethod
    def _generate_next_value_(name: str, *_: object) -> str:
        return name


class QuoteState(_Named):
    """State of a quote, as `readback.booking.v1.QuoteState`."""

    OPEN = auto()
    USED = auto()
    WITHDRAWN = auto()
    EXPIRED = auto()


class BookingState(_Named):
    """State of a booking, as `readback.booking.v1.BookingState`."""

    PENDING = auto()
    HELD = auto()
    TICKETED = auto()
    FAILED = auto()
    UNKNOWN = auto()
    CHANGE_PENDING = auto()
    CANCELLING = auto()
    CANCELLED = auto()


class PaymentState(_Named):
    """State of a payment, as `readback.booking.v1.PaymentState`."""

    NONE = auto()
    REQUIRES_ACTION = auto()
    PROCESSING = auto()
    AUTHORIZED = auto()
    CAPTURED = auto()
    FAILED = auto()
    VOIDED = auto()
    REFUND_PENDING = auto()
    PARTLY_REFUNDED = auto()
    REFUNDED = auto()
    UNKNOWN = auto()


class QuoteKind(_Named):
    """Subject of a quote, as `readback.booking.v1.QuoteKind`."""

    BOOKING = auto()
    CANCELLATION = auto()
    CHANGE = auto()


class Failure(_Named):
    """Reason for which nothing was done, as `readback.booking.v1.BookingFailure`."""

    CONSENT_WITHDRAWN = auto()
    CONSENT_UNCHECKED = auto()
    EXPIRED = auto()
    SOLD_OUT = auto()
    PRICE_CHANGED = auto()
    OFFER_GONE = auto()
    REFUSED = auto()
    NOT_SENT = auto()
    NOT_FOUND = auto()


QUOTES = Machine[QuoteState](
    {
        QuoteState.OPEN: {QuoteState.USED, QuoteState.WITHDRAWN, QuoteState.EXPIRED},
        QuoteState.USED: set(),
        QuoteState.WITHDRAWN: set(),
        QuoteState.EXPIRED: set(),
    }
)

BOOKINGS = Machine[BookingState](
    {
        BookingState.PENDING: {
            BookingState.HELD,
            BookingState.TICKETED,
            BookingState.FAILED,
            BookingState.UNKNOWN,
        },
        BookingState.UNKNOWN: {BookingState.HELD, BookingState.TICKETED, BookingState.FAILED},
        # A hold ends as a ticket, by a cancellation, or by itself.
        BookingState.HELD: {
            BookingState.TICKETED,
            BookingState.CHANGE_PENDING,
            BookingState.CANCELLING,
            BookingState.CANCELLED,
        },
        BookingState.TICKETED: {BookingState.CHANGE_PENDING, BookingState.CANCELLING},
        BookingState.CHANGE_PENDING: {BookingState.HELD, BookingState.TICKETED},
        BookingState.CANCELLING: {BookingState.HELD, BookingState.TICKETED, BookingState.CANCELLED},
        BookingState.FAILED: set(),
        BookingState.CANCELLED: set(),
    }
)

PAYMENTS = Machine[PaymentState](
    {
        PaymentState.NONE: {PaymentState.REQUIRES_ACTION, PaymentState.PROCESSING},
        PaymentState.REQUIRES_ACTION: {PaymentState.PROCESSING, PaymentState.FAILED, PaymentState.VOIDED},
        PaymentState.PROCESSING: {
            PaymentState.REQUIRES_ACTION,
            PaymentState.AUTHORIZED,
            PaymentState.CAPTURED,
            PaymentState.FAILED,
            PaymentState.UNKNOWN,
        },
        PaymentState.AUTHORIZED: {PaymentState.CAPTURED, PaymentState.VOIDED, PaymentState.UNKNOWN},
        PaymentState.CAPTURED: {PaymentState.REFUND_PENDING},
        PaymentState.REFUND_PENDING: {
            PaymentState.CAPTURED,
            PaymentState.PARTLY_REFUNDED,
            PaymentState.REFUNDED,
            PaymentState.UNKNOWN,
        },
        PaymentState.PARTLY_REFUNDED: {PaymentState.REFUND_PENDING},
        PaymentState.UNKNOWN: {
            PaymentState.AUTHORIZED,
            PaymentState.CAPTURED,
            PaymentState.FAILED,
            PaymentState.VOIDED,
            PaymentState.PARTLY_REFUNDED,
            PaymentState.REFUNDED,
        },
        PaymentState.FAILED: {PaymentState.REQUIRES_ACTION, PaymentState.PROCESSING},
        PaymentState.VOIDED: set(),
        PaymentState.REFUNDED: set(),
    }
)

LIVE = frozenset(BookingState) - {BookingState.FAILED, BookingState.CANCELLED}
"""States in which a booking's travellers can't book its flights again."""
CONTRADICTIONS = frozenset(
    {(BookingState.TICKETED, PaymentState.FAILED), (BookingState.FAILED, PaymentState.CAPTURED)}
)
"""Pairs of states that only an error can cause. Code that stores a pair must refuse these."""
