"""Dispatcher: sends each confirmed quote to its supplier at most once, and finds the outcome by look-ups.

The steps of an attempt:

1. The consent is checked again. A withdrawn one ends the attempt; nothing was sent.
2. `sent_at` is committed. From then on the request is never sent again, by any process.
3. The request leaves, and its outcome is committed.
4. Without an outcome, or after a crash, look-ups find it. Nothing is compensated.

Several replicas may dispatch; the commit of step 2 decides which one sends.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import replace
from datetime import timedelta

import structlog

from mesh.clock import Clock
from mesh.errors import StoreUnavailable
from mesh.failpoints import failpoint
from services.booking.changes import Changes
from services.booking.confirming import changed, give_up, keep_claims
from services.booking.consent import ConsentGate, Verdict
from services.booking.errors import ConsentUnavailable
from services.booking.model.records import Attempt, Booking, Quote
from services.booking.model.states import BOOKINGS, BookingState, Failure, QuoteKind
from services.booking.store.store import Store, Transaction
from services.booking.suppliers.protocol import FINAL, Outcome, Result, Supplier, Suppliers

MOST = 64
"""Attempts that are handled at the same time."""
IDLE_SECONDS = 0.5
"""Pause between two looks for due attempts, if nothing wakes the dispatcher."""
SETTLING = timedelta(milliseconds=200)
"""Pause before a consent that isn't settled is checked again."""
SETTLES_WITHIN = timedelta(seconds=15)
"""Time after the confirmation in which the consent must settle, and the transcript must be readable."""
LOOK_UPS = (
    (timedelta(seconds=140), timedelta(seconds=5)),
    (timedelta(minutes=30), timedelta(minutes=1)),
    (timedelta(hours=6), timedelta(minutes=10)),
)
"""Pairs: up to this time after the request, the pause between two look-ups."""
RARE_LOOK_UPS = timedelta(hours=1)
"""Pause between look-ups after that time, when a person must decide."""
_AFTER_UNKNOWN: Mapping[QuoteKind, BookingState] = {
    QuoteKind.BOOKING: BookingState.UNKNOWN,
    QuoteKind.CANCELLATION: BookingState.CANCELLING,
    QuoteKind.CHANGE: BookingState.CHANGE_PENDING,
}
"""State of a booking while the outcome of a sent request is unknown."""
_BOOKED = {Result.TICKETED: BookingState.TICKETED, Result.HELD: BookingState.HELD}
_log = structlog.get_logger()


class Dispatcher:
    """Handles due attempts."""

    def __init__(
        self, store: Store, suppliers: Suppliers, gate: ConsentGate, changes: Changes, clock: Clock
    ) -> None:
        self._store, self._suppliers, self._gate = store, suppliers, gate
        self._changes, self._clock = changes, clock
        self._in_progress: set[str] = set()

    async def run(self) -> None:
        """Handle attempts as they become due, until cancelled. A slow supplier delays no other attempt."""
        async with asyncio.TaskGroup() as tasks:
            while True:
                for attempt in await self._due():
                    tasks.create_task(self._handle_safely(attempt))
                await self._changes.attempt_or_timeout(IDLE_SECONDS)

    async def handle_due(self) -> None:
        """Handle the attempts and holds that are due now."""
        async with asyncio.TaskGroup() as tasks:
            for attempt in await self._due():
                tasks.create_task(self._handle(attempt))

    async def _due(self) -> Sequence[Attempt]:
        """End the holds that are over; return due attempts that no task handles, as many as may run."""
        now = self._clock.now()
        async with self._store.reading() as tx:
            due, lapsed = await tx.due_attempts(now, MOST), await tx.lapsed_holds(now, MOST)
        for booking in lapsed:
            await self._lapse(booking)
        free = MOST - len(self._in_progress)
        chosen = [attempt for attempt in due if attempt.quote_id not in self._in_progress][:free]
        # Marked here, before the tasks run, so that the next look doesn't choose them again.
        self._in_progress.update(attempt.quote_id for attempt in chosen)
        return chosen

    async def _handle_safely(self, attempt: Attempt) -> None:
        try:
            await self._handle(attempt)
        except StoreUnavailable:
            _log.warning("store unavailable; attempt stays due", quote=attempt.quote_id)
        except Exception:  # noqa: BLE001 -- other attempts must go on
            _log.exception("attempt failed; it stays due", quote=attempt.quote_id)

    async def _handle(self, attempt: Attempt) -> None:
        try:
            if attempt.sent_at is None:
                await self._send(attempt)
            else:
                await self._look_up(attempt)
        finally:
            self._in_progress.discard(attempt.quote_id)

    async def _send(self, attempt: Attempt) -> None:
        async with self._store.reading() as tx:
            quote, booking = await _rows(tx, attempt)
        if not await self._may_send(attempt, quote):
            return
        await failpoint("booking.before_sent_at")
        supplier = self._suppliers.named(quote.supplier)
        now = self._clock.now()
        async with self._store.writing() as tx:
            # A crash makes it due for look-ups as soon as the answer can't come any more.
            if not await tx.mark_sent(attempt.quote_id, now, now + supplier.patience):
                return
        await failpoint("booking.after_sent_at")
        outcome = await self._outcome(supplier, lambda: _request(supplier, quote, booking))
        await failpoint("booking.before_outcome")
        await self._apply(replace(attempt, sent_at=now), outcome)
        await failpoint("booking.after_outcome")

    async def _may_send(self, attempt: Attempt, quote: Quote) -> bool:
        """Return whether the request may leave. Otherwise the attempt has ended, or is due again later."""
        now = self._clock.now()
        in_time = now < attempt.created_at + SETTLES_WITHIN
        if now >= quote.expires_at:
            await self._give_up(attempt, Failure.EXPIRED)
            return False
        if attempt.call_id is None:
            return True
        try:
            decision = await self._gate.recheck(quote, attempt.call_id)
        except ConsentUnavailable:
            verdict = Verdict.SETTLING
        else:
            verdict = decision.verdict
        undecided = verdict in (Verdict.SETTLING, Verdict.SPEAKING)
        if undecided and in_time:
            await self._postpone(attempt, SETTLING)
        elif verdict is not Verdict.AFFIRMED:
            failure = Failure.CONSENT_UNCHECKED if undecided else Failure.CONSENT_WITHDRAWN
            await self._give_up(attempt, failure)
        return verdict is Verdict.AFFIRMED

    async def _give_up(self, attempt: Attempt, failure: Failure) -> None:
        async with self._store.writing() as tx:
            stored = await tx.attempt(attempt.quote_id)
            if stored is None or stored.sent_at is not None or stored.done_at is not None:
                return
            await give_up(tx, attempt, failure, self._clock)
        self._changes.bookings_of(attempt.customer_id)

    async def _postpone(self, attempt: Attempt, pause: timedelta) -> None:
        async with self._store.writing() as tx:
            await tx.set_attempt(attempt.quote_id, due_at=self._clock.now() + pause)

    async def _outcome(self, supplier: Supplier, ask: Callable[[], Awaitable[Outcome]]) -> Outcome:
        """Return the supplier's answer; UNKNOWN if it takes too long, or if the adapter fails."""
        try:
            async with asyncio.timeout(supplier.patience.total_seconds()):
                return await ask()
        except TimeoutError:
            _log.warning("supplier too slow; outcome unknown", supplier=supplier.name)
        except Exception:  # noqa: BLE001 -- whatever failed, the request may have had an effect
            _log.exception("supplier failed; outcome unknown", supplier=supplier.name)
        return Outcome(Result.UNKNOWN)

    async def _look_up(self, attempt: Attempt) -> None:
        async with self._store.reading() as tx:
            quote, booking = await _rows(tx, attempt)
        supplier = self._suppliers.named(quote.supplier)
        found = await self._outcome(supplier, lambda: supplier.look_up(quote.terms, booking.order_id))
        _log.info("outcome looked up", quote=attempt.quote_id, found=found.result.name)
        assert attempt.sent_at is not None, "only sent requests are looked up"
        age = self._clock.now() - attempt.sent_at
        if found.result is Result.NOT_FOUND and supplier.final_after and age >= supplier.final_after:
            found = Outcome(Result.REFUSED, failure=Failure.NOT_FOUND)
        await failpoint("booking.after_look_up")
        await self._apply(attempt, found)

    async def _apply(self, attempt: Attempt, outcome: Outcome) -> None:
        """Store an outcome. Of two for one attempt, the first final one counts."""
        async with self._store.writing() as tx:
            stored = await tx.attempt(attempt.quote_id)
            if stored is None or stored.done_at is not None:
                return
            if outcome.result in FINAL:
                await self._finish(tx, stored, outcome)
            else:
                await self._wait(tx, stored, outcome)
        self._changes.bookings_of(attempt.customer_id)

    async def _finish(self, tx: Transaction, attempt: Attempt, outcome: Outcome) -> None:
        if outcome.result in (Result.REFUSED, Result.NOT_SENT):
            default = Failure.NOT_SENT if outcome.result is Result.NOT_SENT else Failure.REFUSED
            await give_up(tx, attempt, outcome.failure or default, self._clock)
            return
        quote, booking = await _rows(tx, attempt)
        if outcome.result is Result.CANCELLED:
            after = changed(booking, self._clock, state=BOOKINGS.move(booking.state, BookingState.CANCELLED))
        else:
            after = self._booked(booking, quote, outcome)
        await tx.put_booking(after)
        await keep_claims(tx, after)
        await tx.set_attempt(attempt.quote_id, done_at=self._clock.now())

    def _booked(self, booking: Booking, quote: Quote, outcome: Outcome) -> Booking:
        return changed(
            booking,
            self._clock,
            state=BOOKINGS.move(booking.state, _BOOKED[outcome.result]),
            failure=None,
            quote_id=quote.quote_id,
            terms=quote.terms,
            order_id=outcome.order_id,
            airline_reference=outcome.airline_reference,
            tickets=outcome.tickets,
            hold_expires_at=outcome.hold_expires_at,
        )

    async def _wait(self, tx: Transaction, attempt: Attempt, outcome: Outcome) -> None:
        """Store that the outcome isn't known yet, and when to look next."""
        _, booking = await _rows(tx, attempt)
        # "Later" is an answer: the request has arrived. Anything else leaves its fate open.
        if outcome.result is not Result.LATER and not attempt.look_ups:
            state = BOOKINGS.move(booking.state, _AFTER_UNKNOWN[attempt.kind])
            await tx.put_booking(changed(booking, self._clock, state=state))
        now, sent = self._clock.now(), attempt.sent_at or self._clock.now()
        if now - sent >= LOOK_UPS[-1][0]:
            _log.error("outcome still unknown; a person must ask the supplier", quote=attempt.quote_id)
        pause = next((pause for until, pause in LOOK_UPS if now - sent < until), RARE_LOOK_UPS)
        await tx.set_attempt(attempt.quote_id, due_at=now + pause, look_ups=attempt.look_ups + 1)

    async def _lapse(self, booking: Booking) -> None:
        async with self._store.writing() as tx:
            held = await tx.booking(booking.customer_id, booking.booking_id)
            if held is None or held.state is not BookingState.HELD:
                return
            after = changed(held, self._clock, state=BOOKINGS.move(held.state, BookingState.CANCELLED))
            await tx.put_booking(after)
            await keep_claims(tx, after)
        self._changes.bookings_of(booking.customer_id)


async def _rows(tx: Transaction, attempt: Attempt) -> tuple[Quote, Booking]:
    quote = await tx.quote(attempt.customer_id, attempt.quote_id)
    booking = await tx.booking(attempt.customer_id, attempt.booking_id)
    assert quote is not None, "an attempt without a quote"
    assert booking is not None, "an attempt without a booking"
    return quote, booking


def _request(supplier: Supplier, quote: Quote, booking: Booking) -> Awaitable[Outcome]:
    match quote.kind:
        case QuoteKind.BOOKING:
            return supplier.issue(quote.terms)
        case QuoteKind.CANCELLATION:
            return supplier.cancel(quote.terms, booking.order_id)
        case QuoteKind.CHANGE:
            return supplier.change(quote.terms, booking.order_id)
