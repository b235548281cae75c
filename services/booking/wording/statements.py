"""Statements about bookings. They claim no more than the booking's state does."""

from __future__ import annotations

from readback.booking.v1.quotes_pb2 import LocalizedText

from services.booking.model.records import Booking
from services.booking.model.states import BookingState
from services.booking.wording.phrases import LOCALES, Phrases, phrases_of

_STANDING = {BookingState.HELD, BookingState.TICKETED}


def statements(booking: Booking) -> list[LocalizedText]:
    """Return what may be said of a booking, in each language."""
    return [LocalizedText(locale=locale, text=statement(booking, phrases_of(locale))) for locale in LOCALES]


def statement(booking: Booking, phrases: Phrases) -> str:
    """Return what may be said of a booking."""
    stands = booking.failure is not None and booking.state in _STANDING
    failure = phrases.say("failures", booking.failure) if booking.failure else ""
    spelled = phrases.language.spelled
    return phrases.say(
        "statements",
        "stands" if stands else booking.state,
        failure=failure,
        code=spelled(booking.code),
        reference=spelled(booking.airline_reference),
    )
