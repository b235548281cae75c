"""Histories of bookings on a simulated clock: random steps, crashes and faults, and rules that must hold."""

from __future__ import annotations

import asyncio
import json
import random
from collections import Counter
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from google.type.date_pb2 import Date
from google.type.money_pb2 import Money
from readback.booking.v1 import travellers_pb2
from readback.booking.v1.quotes_pb2 import QuoteTerms
from readback.flightdata.v1 import flights_pb2
from sqlalchemy import delete, select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncEngine

from mesh.errors import DomainError
from mesh.failpoints import FailpointReached, set_failpoints
from services.booking.changes import Changes
from services.booking.confirming import Confirming, travellers_and_flights
from services.booking.consent import Caller, Click, Confirmations, ConsentGate, Decision, Verdict
from services.booking.dispatch import Dispatcher
from services.booking.errors import ConsentUnavailable
from services.booking.model.digests import digest_of
from services.booking.model.records import Booking, Quote
from services.booking.model.states import LIVE, BookingState, QuoteKind
from services.booking.quoting import Quotes
from services.booking.store.sandbox import SandboxTables
from services.booking.store.schema import claims, metadata
from services.booking.store.store import Store
from services.booking.suppliers.protocol import Outcome, Result, Suppliers
from services.booking.suppliers.sandbox import Sandbox
from services.booking.travellers import Travellers
from tests.simulated_clock import SimulatedClock

CUSTOMER, SESSION, CALL = (f"01936d1c-7f5e-7a30-9d2e-0f5a6f2f9d1{digit}" for digit in "123")
FAMILY_NAMES = ("Rao", "Timeout", "Delay")
START = datetime(2026, 12, 1, 6, tzinfo=UTC)
CRASHES = (
    "booking.before_sent_at",
    "booking.after_sent_at",
    "booking.before_outcome",
    "booking.after_outcome",
    "booking.after_look_up",
)
PAUSES = (0.3, 1, 5, 30, 70, 1000)
Step = tuple[str, int, int]
"""Name of a step, and two numbers that it may use."""
STEPS = {
    "quote": 4,
    "say": 4,
    "confirm": 6,
    "dispatch": 6,
    "crash": 3,
    "advance": 4,
    "withdraw": 1,
    "cancel": 2,
    "change": 1,
    "outage": 1,
    "lose": 2,
}
"""Names of the steps, with their weights in random histories."""


def random_history(seed: int, length: int = 25) -> list[Step]:
    """Return a history of weighted random steps."""
    dice = random.Random(seed)
    names = dice.choices(list(STEPS), weights=list(STEPS.values()), k=length)
    return [(name, dice.randrange(60), dice.randrange(60)) for name in names]


@dataclass
class Transcript:
    """Decisions about quotes, by digest: what the customer has said last."""

    verdicts: dict[str, Verdict] = field(default_factory=dict)
    available: bool = True

    async def decide(self, quote: Quote, call_id: str) -> Decision:
        """Return the decision about a quote."""
        if not self.available:
            raise ConsentUnavailable
        return Decision(self.verdicts.get(quote.digest, Verdict.REFUSED), "none", '{"kind": "spoken"}')


class WatchedSandbox(Sandbox):
    """The sandbox behind a network that loses requests and answers, with a record of what was sent."""

    def __init__(self, world: World, store: Store, clock: SimulatedClock) -> None:
        super().__init__(store.writing, clock)
        self.world, self.sent = world, Counter[str]()
        self.lose: str = ""

    async def issue(self, terms: QuoteTerms) -> Outcome:
        return await self._over_network(terms, super().issue, terms)

    async def cancel(self, terms: QuoteTerms, order_id: str) -> Outcome:
        return await self._over_network(terms, super().cancel, terms, order_id)

    async def change(self, terms: QuoteTerms, order_id: str) -> Outcome:
        return await self._over_network(terms, super().change, terms, order_id)

    async def _over_network(self, terms: QuoteTerms, ask: Any, *arguments: Any) -> Outcome:
        self.sent[terms.quote_id] += 1
        await self.world.check_send(terms)
        lose, self.lose = self.lose, ""
        if lose == "request":
            raise ConnectionResetError
        outcome: Outcome = await ask(*arguments)
        if lose == "answer":
            raise ConnectionResetError
        return outcome


class Offers:
    """Flight data with one offer for each flight."""

    def __init__(self, clock: SimulatedClock) -> None:
        self._clock = clock

    async def reprice(self, offer_id: str, token: str) -> flights_pb2.RepriceOfferResponse:
        """Return the offer of a flight."""
        leaves = START + timedelta(days=20 + int(offer_id))
        fare = flights_pb2.Fare(
            total=Money(currency_code="INR", units=5000), cabin=flights_pb2.CABIN_ECONOMY, bags=1
        )
        segment = flights_pb2.Segment(carrier_code="AI", carrier="Air India", flight_number=f"AI54{offer_id}")
        for end, code, city, time in (
            (segment.departure, "MAA", "Chennai", leaves),
            (segment.arrival, "DEL", "Delhi", leaves + timedelta(hours=3)),
        ):
            end.airport_code, end.city, end.time_zone = code, city, "Asia/Kolkata"
            end.time.FromDatetime(time)
            end.local_time = (time + timedelta(hours=5, minutes=30)).isoformat()
        itinerary = flights_pb2.Itinerary(itinerary_id=offer_id, segments=[segment], fare=fare)
        offer = flights_pb2.Offer(offer_id=offer_id, seller="sandbox", fare=fare)
        offer.provenance.provider = "sample-timetable"
        offer.expire_time.FromDatetime(self._clock.now() + timedelta(hours=1))
        return flights_pb2.RepriceOfferResponse(offer=offer, itineraries=[itinerary], adults=1)


class World:
    """A booking service without gRPC, and its surroundings."""

    def __init__(self, engine: AsyncEngine) -> None:
        self.clock, self.transcript = SimulatedClock(START), Transcript()
        self.store, self.travellers = Store(engine), Travellers(self.clock)
        self.supplier = WatchedSandbox(self, self.store, self.clock)
        self.suppliers, self.changes = Suppliers([self.supplier]), Changes(self.clock)
        self.confirmations = Confirmations(b"k" * 32, self.clock)
        self.gate = ConsentGate(self.transcript, self.confirmations)
        offers = Offers(self.clock)
        self.quoting = Quotes(self.store, self.suppliers, offers, self.travellers, self.clock)
        self.confirming = Confirming(self.store, self.gate, self.clock)
        self.replicas = [self.replica(), self.replica()]
        self.people: list[str] = []
        self.quotes: list[Quote] = []
        self.clicked: set[str] = set()
        self.stopped: set[str] = set()
        self.violations: list[str] = []

    def replica(self) -> Dispatcher:
        """Return a dispatcher without memory, as after a start."""
        return Dispatcher(self.store, self.suppliers, self.gate, self.changes, self.clock)

    async def open(self) -> None:
        """Save the travellers."""
        async with self.store.writing() as tx:
            for name in FAMILY_NAMES:
                traveller = travellers_pb2.Traveller(
                    title=travellers_pb2.TITLE_MS,
                    given_name="Asha",
                    family_name=name,
                    birth_date=Date(year=1990, month=1, day=1),
                    gender=travellers_pb2.GENDER_FEMALE,
                    email="asha@example.com",
                    phone_number="+919876543210",
                )
                saved = await self.travellers.create(tx, CUSTOMER, traveller)
                self.people.append(saved.traveller_id)

    async def run(self, history: Sequence[Step]) -> list[str]:
        """Run a history, then everything that is still due; return what must not have happened."""
        await self.open()
        for name, first, second in history:
            try:
                await getattr(self, f"step_{name}")(first, second)
            except DomainError:
                continue
            except IntegrityError as error:
                self.violations.append(f"constraint: {type(error.orig).__name__}")
        await self.finish()
        await self.check()
        return self.violations

    async def step_quote(self, first: int, second: int) -> None:
        """Quote one of two flights for one traveller."""
        people = [self.people[first % len(self.people)]]
        await self._add(await self.quoting.for_booking(CUSTOMER, [str(second % 2)], people, ""))

    async def step_cancel(self, first: int, _: int) -> None:
        """Quote the cancellation of a booking."""
        if booking_id := await self._booking_id(first):
            await self._add(await self.quoting.for_cancellation(CUSTOMER, booking_id))

    async def step_change(self, first: int, second: int) -> None:
        """Quote another flight for a booking."""
        if booking_id := await self._booking_id(first):
            offers = [str(second % 2)]
            await self._add(await self.quoting.for_change(CUSTOMER, booking_id, offers, [], ""))

    async def step_say(self, first: int, second: int) -> None:
        """Let the customer say something about a quote: mostly yes."""
        if quote := self._quote(first):
            verdicts = (Verdict.AFFIRMED, Verdict.SETTLING, Verdict.AFFIRMED, Verdict.REFUSED)
            self.transcript.verdicts[quote.digest] = verdicts[second % 4]

    async def step_confirm(self, first: int, second: int) -> None:
        """Confirm a quote: in the call, by a click, without any consent, or twice at the same time."""
        if quote := self._quote(first):
            how = ("call", "click", "nothing", "twice")[second % 4]
            if how == "twice":
                answers = await asyncio.gather(
                    self._confirm(quote, "click"), self._confirm(quote, "call"), return_exceptions=True
                )
                if unexpected := [a for a in answers if a and not isinstance(a, DomainError)]:
                    raise unexpected[0]
            else:
                await self._confirm(quote, how)

    async def _confirm(self, quote: Quote, how: str) -> None:
        caller, proof = Caller(CUSTOMER, SESSION, CALL, is_agent=how == "call"), ""
        if how == "click":
            proof, _ = self.confirmations.issue(Click(CUSTOMER, SESSION, quote.quote_id, quote.digest))
        consent = await self.confirming.consent(caller, quote.quote_id, quote.digest, proof)
        async with self.store.writing() as tx:
            await self.confirming.confirm(tx, caller, quote.quote_id, quote.digest, consent)
        if how == "click":
            self.clicked.add(quote.quote_id)

    async def step_withdraw(self, first: int, _: int) -> None:
        """Withdraw a quote."""
        if quote := self._quote(first):
            async with self.store.writing() as tx:
                await self.confirming.withdraw(tx, CUSTOMER, quote.quote_id)
                attempt = await tx.attempt(quote.quote_id)
            if attempt is None or attempt.sent_at is None:
                self.stopped.add(quote.quote_id)

    async def step_dispatch(self, first: int, _: int) -> None:
        """Let one or both replicas handle what is due."""
        await self._dispatch(self.replicas[: 1 + first % 2])

    async def step_crash(self, first: int, second: int) -> None:
        """Crash at a step of the dispatcher, and start both replicas again."""
        point = CRASHES[first % len(CRASHES)]
        set_failpoints(f"{point}=fail@{1 + second % 2}", environment="development")
        await self._dispatch(self.replicas[:1])
        set_failpoints("", environment="development")
        self.replicas = [self.replica(), self.replica()]

    async def step_advance(self, first: int, _: int) -> None:
        """Let time pass."""
        self.clock.advance(PAUSES[first % len(PAUSES)])

    async def step_outage(self, first: int, _: int) -> None:
        """Make the transcript readable or unreadable."""
        self.transcript.available = bool(first % 3)

    async def step_lose(self, first: int, _: int) -> None:
        """Lose the next request to the supplier, or its answer."""
        self.supplier.lose = ("request", "answer")[first % 2]

    async def _dispatch(self, replicas: Sequence[Dispatcher]) -> None:
        answers = await asyncio.gather(*(each.handle_due() for each in replicas), return_exceptions=True)
        for answer in answers:
            if isinstance(answer, BaseExceptionGroup):
                _, rest = answer.split(FailpointReached)
                if rest is not None:
                    raise rest.exceptions[0]
            elif isinstance(answer, BaseException):
                raise answer

    async def finish(self) -> None:
        """Handle everything that becomes due in two hours, without faults."""
        set_failpoints("", environment="development")
        self.transcript.available, self.supplier.lose = True, ""
        for _ in range(40):
            await self._dispatch(self.replicas)
            async with self.store.reading() as tx:
                if not await tx.due_attempts(self.clock.now() + timedelta(days=1), 1):
                    return
            self.clock.advance(180)

    async def check_send(self, terms: QuoteTerms) -> None:
        """Check, at the moment at which a request reaches the network, that it may."""
        quote = await self.quoting.get(CUSTOMER, terms.quote_id)
        async with self.store.reading() as tx:
            attempt = await tx.attempt(terms.quote_id)
        clicked = attempt is not None and json.loads(attempt.consent).get("kind") == "click"
        affirmed = self.transcript.verdicts.get(quote.digest) is Verdict.AFFIRMED
        rules = {
            "sent twice": self.supplier.sent[terms.quote_id] == 1,
            "no consent": terms.quote_id in self.clicked if clicked else affirmed,
            "sent before sent_at": attempt is not None and attempt.sent_at is not None,
            "sent after its expiry": self.clock.now() < quote.expires_at,
            "sent after a stop": terms.quote_id not in self.stopped,
            "other terms": digest_of(terms) == quote.digest == self._digest(terms.quote_id),
        }
        self.violations += [name for name, holds in rules.items() if not holds]

    async def check(self) -> None:
        """Check what must hold in the end."""
        async with self.store.reading() as tx:
            bookings = await tx.bookings(CUSTOMER)
            attempts = {quote.quote_id: await tx.attempt(quote.quote_id) for quote in self.quotes}
            rows = await tx.connection.execute(
                select(claims.c.traveller_id, claims.c.flight, claims.c.booking_id)
            )
            claimed = sorted(tuple(row) for row in rows)
        live = [booking for booking in bookings if booking.state in LIVE]
        expected = sorted((*pair, b.booking_id) for b in live for pair in travellers_and_flights(b.terms))
        if claimed != expected:
            self.violations.append("claims differ from bookings")
        pairs = Counter(pair for booking in live for pair in travellers_and_flights(booking.terms))
        if any(count > 1 for count in pairs.values()):
            self.violations.append("a traveller is on a flight twice")
        for booking in bookings:
            if booking.state not in (BookingState.TICKETED, BookingState.FAILED, BookingState.CANCELLED):
                self.violations.append(f"left in {booking.state}")
        for quote in self.quotes:
            attempt = attempts[quote.quote_id]
            if attempt is not None and attempt.done_at is None:
                self.violations.append("an attempt is never done")
            if attempt is not None and quote.kind is QuoteKind.BOOKING:
                booking = next(b for b in bookings if b.booking_id == attempt.booking_id)
                await self._check_order(quote, booking)

    async def _check_order(self, quote: Quote, booking: Booking) -> None:
        """Check that a booking says what the supplier has."""
        async with self.store.reading() as tx:
            order = await SandboxTables(tx).outcome(quote.quote_id, self.clock.now())
        has_order = order is not None and order.result is Result.TICKETED
        failed = booking.state is BookingState.FAILED
        if failed and has_order:
            self.violations.append("a lost booking")
        if not failed and not has_order:
            self.violations.append("a booking without an order")

    async def _add(self, quote: Quote) -> None:
        async with self.store.writing() as tx:
            await tx.add_quote(quote)
        self.quotes.append(quote)

    def _quote(self, number: int) -> Quote | None:
        # The last quotes, because earlier ones are mostly used.
        recent = self.quotes[-3:]
        return recent[number % len(recent)] if recent else None

    def _digest(self, quote_id: str) -> str:
        return next(quote.digest for quote in self.quotes if quote.quote_id == quote_id)

    async def _booking_id(self, number: int) -> str | None:
        async with self.store.reading() as tx:
            bookings = await tx.bookings(CUSTOMER)
        return bookings[number % len(bookings)].booking_id if bookings else None


@asynccontextmanager
async def empty(engine: AsyncEngine) -> AsyncIterator[World]:
    """Yield a world with an empty database, and empty it afterwards."""
    world = World(engine)
    try:
        yield world
    finally:
        set_failpoints("", environment="development")
        async with world.store.writing() as tx:
            for table in reversed(metadata.sorted_tables):
                await tx.connection.execute(delete(table))


async def violations_of(engine: AsyncEngine, history: Sequence[Step]) -> list[str]:
    """Run a history in an empty world; return what must not have happened."""
    async with empty(engine) as world:
        return await world.run(history)
