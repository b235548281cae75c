"""Confirmation of quotes: with consent, a quote becomes a booking and the one attempt that it allows."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from readback.booking.v1.quotes_pb2 import QuoteTerms

from mesh.clock import Clock
from mesh.ids import uuid7
from services.booking.consent import Caller, ConsentGate
from services.booking.errors import (
    BookingNotCancellable,
    BookingNotChangeable,
    BookingNotFound,
    QuoteDigestMismatch,
    QuoteExpired,
    QuoteNotOpen,
)
from services.booking.model.codes import new_code
from services.booking.model.passengers import flight_key, segments_of
from services.booking.model.records import Attempt, Booking, Quote
from services.booking.model.states import (
    BOOKINGS,
    LIVE,
    QUOTES,
    BookingState,
    Failure,
    PaymentState,
    QuoteKind,
    QuoteState,
)
from services.booking.quoting import require_quote
from services.booking.store.store import Store, Transaction

PENDING = {QuoteKind.CANCELLATION: BookingState.CANCELLING, QuoteKind.CHANGE: BookingState.CHANGE_PENDING}
"""State of a booking while a cancellation or a change is pending."""
_REFUSALS = {QuoteKind.CANCELLATION: BookingNotCancellable, QuoteKind.CHANGE: BookingNotChangeable}


def travellers_and_flights(terms: QuoteTerms) -> list[tuple[str, str]]:
    """Return each traveller with each flight, which only one booking may have."""
    flights = {flight_key(segment) for segment in segments_of(terms.items)}
    return [(passenger.traveller_id, flight) for passenger in terms.passengers for flight in flights]


class Confirming:
    """Confirms quotes, and withdraws them."""

    def __init__(self, store: Store, gate: ConsentGate, clock: Clock) -> None:
        self._store, self._gate, self._clock = store, gate, clock

    async def consent(self, caller: Caller, quote_id: str, digest: str, proof: str) -> str:
        """Return facts about the consent of a caller's customer, as JSON, before the transaction.

        Raises:
            QuoteNotFound, QuoteDigestMismatch, QuoteExpired, QuoteNotOpen.
            ConsentRequired: there is no consent to exactly this quote.
            ConsentUnavailable: the transcript can't be read.
        """
        async with self._store.reading() as tx:
            quote = await self._open_quote(tx, caller.customer_id, quote_id, digest)
        return await self._gate.require(caller, quote, proof)

    async def confirm(
        self, tx: Transaction, caller: Caller, quote_id: str, digest: str, consent: str
    ) -> Booking:
        """Use a quote: store the booking, its claims and its attempt, which the dispatcher sends.

        Raises:
            QuoteNotFound, QuoteDigestMismatch, QuoteExpired, QuoteNotOpen.
            AlreadyBooked: another booking has one of the travellers on one of the flights.
            BookingNotFound, BookingNotCancellable, BookingNotChangeable: the booking's state has changed.
        """
        quote = await self._open_quote(tx, caller.customer_id, quote_id, digest)
        before = await self._booking_of(tx, quote)
        booking = self._new(quote, await _unused_code(tx)) if before is None else self._pending(quote, before)
        await (tx.add_booking if before is None else tx.put_booking)(booking)
        if quote.kind is not QuoteKind.CANCELLATION:
            await tx.claim(quote.customer_id, booking.booking_id, travellers_and_flights(quote.terms))
        await tx.set_quote(quote.quote_id, QUOTES.move(quote.state, QuoteState.USED), booking.booking_id)
        await tx.add_attempt(self._attempt(quote, booking, before, caller, consent))
        return booking

    async def withdraw(self, tx: Transaction, customer_id: str, quote_id: str) -> Quote:
        """Withdraw an open quote, or stop a confirmed one that wasn't sent. Others don't change.

        Raises:
            QuoteNotFound: the customer has no such quote.
        """
        quote, now = await require_quote(tx, customer_id, quote_id), self._clock.now()
        if quote.state_at(now) is QuoteState.OPEN:
            state = QUOTES.move(quote.state, QuoteState.WITHDRAWN)
            await tx.set_quote(quote.quote_id, state, quote.booking_id)
            return replace(quote, state=state)
        attempt = await tx.attempt(quote.quote_id)
        if attempt and attempt.sent_at is None and attempt.done_at is None:
            await give_up(tx, attempt, Failure.CONSENT_WITHDRAWN, self._clock)
        return quote

    async def _open_quote(self, tx: Transaction, customer_id: str, quote_id: str, digest: str) -> Quote:
        quote = await require_quote(tx, customer_id, quote_id)
        if quote.digest != digest:
            raise QuoteDigestMismatch
        state = quote.state_at(self._clock.now())
        if state is QuoteState.EXPIRED:
            raise QuoteExpired(quote.expires_at)
        if state is not QuoteState.OPEN:
            raise QuoteNotOpen(state)
        return quote

    async def _booking_of(self, tx: Transaction, quote: Quote) -> Booking | None:
        """Return the booking that a quote cancels or changes; None for a new one."""
        if quote.kind is QuoteKind.BOOKING:
            return None
        booking = await tx.booking(quote.customer_id, quote.terms.booking_id)
        if booking is None:
            raise BookingNotFound
        # A change since the quote was made has other terms than the customer heard.
        if not BOOKINGS.allows(booking.state, PENDING[quote.kind]) or booking.changed_at > quote.created_at:
            raise _REFUSALS[quote.kind](booking.state)
        return booking

    def _new(self, quote: Quote, code: str) -> Booking:
        now = self._clock.now()
        return Booking(
            booking_id=uuid7(),
            customer_id=quote.customer_id,
            code=code,
            state=BookingState.PENDING,
            payment_state=PaymentState.NONE,
            failure=None,
            quote_id=quote.quote_id,
            supplier=quote.supplier,
            terms=quote.terms,
            order_id="",
            airline_reference="",
            tickets=(),
            hold_expires_at=None,
            version=1,
            created_at=now,
            changed_at=now,
        )

    def _pending(self, quote: Quote, booking: Booking) -> Booking:
        state = BOOKINGS.move(booking.state, PENDING[quote.kind])
        return changed(booking, self._clock, state=state, failure=None)

    def _attempt(
        self, quote: Quote, booking: Booking, before: Booking | None, caller: Caller, consent: str
    ) -> Attempt:
        now = self._clock.now()
        return Attempt(
            quote_id=quote.quote_id,
            booking_id=booking.booking_id,
            customer_id=quote.customer_id,
            kind=quote.kind,
            restore=before.state if before else None,
            call_id=caller.call_id if caller.is_agent else None,
            consent=consent,
            created_at=now,
            due_at=now,
            sent_at=None,
            done_at=None,
            look_ups=0,
        )


async def _unused_code(tx: Transaction) -> str:
    while await tx.is_code_used(code := new_code()):
        pass
    return code


def changed(booking: Booking, clock: Clock, **values: object) -> Booking:
    """Return a booking with other values, and a new version if one differs."""
    after = replace(booking, **values)  # type: ignore[arg-type]  # checked by the dataclass's users
    if after == booking:
        return booking
    return replace(after, version=booking.version + 1, changed_at=clock.now())


async def give_up(tx: Transaction, attempt: Attempt, failure: Failure, clock: Clock) -> None:
    """End an attempt without an effect: a new booking failed; another one is as it was before."""
    booking = await tx.booking(attempt.customer_id, attempt.booking_id)
    assert booking is not None, "an attempt without a booking"
    state = BOOKINGS.move(booking.state, attempt.restore or BookingState.FAILED)
    await tx.put_booking(changed(booking, clock, state=state, failure=failure))
    await tx.set_attempt(attempt.quote_id, done_at=clock.now())
    await keep_claims(tx, replace(booking, state=state))


async def keep_claims(tx: Transaction, booking: Booking) -> None:
    """Keep the claims of what is booked, and release all others."""
    kept: Iterable[tuple[str, str]] = travellers_and_flights(booking.terms) if booking.state in LIVE else ()
    await tx.release(booking.customer_id, booking.booking_id, kept)
