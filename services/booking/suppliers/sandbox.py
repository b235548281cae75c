"""The sandbox: a supplier that sells the sample timetable. Its orders exist only in booking's database.

It keeps count of its seats and follows its policy. Its faults can be provoked by a passenger's family name:

    Soldout      the seats are gone by the time of the order
    Pricechange  the price has changed by the time of the order
    Timeout      the order is made, but no answer comes; look-ups find it seconds later
    Delay        the answer is "later"; look-ups find the order after 20 seconds
    Hold         the seats are held for a day, without tickets
"""

from __future__ import annotations

import secrets
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from readback.booking.v1 import quotes_pb2
from readback.booking.v1.quotes_pb2 import (
    BookingItem,
    FareCondition,
    FlightItem,
    Passenger,
    QuoteClocks,
    QuoteTerms,
)
from readback.flightdata.v1.flights_pb2 import Cabin, Itinerary, RepriceOfferResponse

from mesh.clock import Clock
from mesh.ids import uuid7
from services.booking.errors import BookingNotCancellable, BookingNotChangeable, SoldOut
from services.booking.model.amounts import amount_of, total_of, with_units
from services.booking.model.codes import new_code
from services.booking.model.passengers import flight_key, party_of, segments_of
from services.booking.model.records import Booking
from services.booking.model.states import Failure
from services.booking.policies.policy import Policy
from services.booking.store.sandbox import SandboxTables, Seats
from services.booking.store.store import Transaction
from services.booking.suppliers.protocol import Outcome, Priced, PricedChange, Result

PROVIDER = "sample-timetable"
PLENTY = 10
"""Seats that the sandbox sells on a flight that reports more than a few."""
HOLD = timedelta(days=1)
Writing = Callable[[], AbstractAsyncContextManager[Transaction]]
"""Opens a writing transaction."""


@dataclass(frozen=True, slots=True)
class Fault:
    """A provoked fault of an order."""

    failure: Failure | None = None
    """Reason to refuse the order."""
    answer: Result | None = None
    """Answer in place of the true one."""
    visible_after: timedelta = timedelta(0)
    """Time after which look-ups find the order."""
    hold: bool = False


FAULTS: Mapping[str, Fault] = {
    "soldout": Fault(failure=Failure.SOLD_OUT),
    "pricechange": Fault(failure=Failure.PRICE_CHANGED),
    "timeout": Fault(answer=Result.UNKNOWN, visible_after=timedelta(seconds=3)),
    "delay": Fault(answer=Result.LATER, visible_after=timedelta(seconds=20)),
    "hold": Fault(hold=True),
}
"""The fault that a family name provokes, in lower case."""


class Sandbox:
    """Implements `Supplier`."""

    name = "sandbox"
    sandbox = True
    patience = timedelta(seconds=10)
    final_after: timedelta | None = timedelta(seconds=60)

    def __init__(self, writing: Writing, clock: Clock) -> None:
        self._writing, self._clock, self._policy = writing, clock, Policy.named(self.name)

    def sells(self, provider: str) -> bool:
        """Return whether it sells the offers of a provider of flight data: those of the sample timetable."""
        return provider == PROVIDER

    async def price(self, offers: Sequence[RepriceOfferResponse], passengers: Sequence[Passenger]) -> Priced:
        """Return offers at the current price. Raises SoldOut or PolicyRefused."""
        now, items = self._clock.now(), [self._item(offer) for offer in offers]
        self._policy.check(passengers, segments_of(items), now)
        async with self._writing() as tx:
            tables = SandboxTables(tx)
            for itinerary in (itinerary for offer in offers for itinerary in offer.itineraries):
                for seats in _allotments(itinerary):
                    await tables.allot(seats)
            if not await _has_seats(tables, _seats(items, passengers), now):
                raise SoldOut
        expires = min(offer.offer.expire_time.ToDatetime(now.tzinfo) for offer in offers)
        expires = min(expires, now + timedelta(minutes=self._policy.offer_minutes))
        return Priced(items, total_of(item.flights.price for item in items), _clocks(expires))

    def _item(self, offer: RepriceOfferResponse) -> BookingItem:
        fare, price = offer.offer.fare, amount_of(offer.offer.fare.total)
        flights = FlightItem(
            segments=[segment for itinerary in offer.itineraries for segment in itinerary.segments],
            cabin=fare.cabin,
            fare_name=self._policy.fare_name(fare.cabin),
            bags=fare.bags if fare.HasField("bags") else None,
            conditions=self._policy.conditions(fare.cabin, price),
            price=price,
            seller=offer.offer.seller,
        )
        return BookingItem(flights=flights)

    async def issue(self, terms: QuoteTerms) -> Outcome:
        """Take the seats and issue tickets, unless a fault is provoked."""
        fault = _fault_of(terms.passengers)
        order = _new_order(terms, self._clock.now() + HOLD if fault.hold else None)
        return await self._order(terms, order, fault)

    async def _order(self, terms: QuoteTerms, order: Outcome, fault: Fault, replaced: str = "") -> Outcome:
        """Store an order with its seats, in place of the seats of the order `replaced`."""
        now, seats = self._clock.now(), _seats(terms.items, terms.passengers)
        async with self._writing() as tx:
            tables = SandboxTables(tx)
            if fault.failure or not await _has_seats(tables, seats, now, without=replaced):
                failure = fault.failure or Failure.SOLD_OUT
                order = Outcome(Result.REFUSED, order_id=replaced, failure=failure)
            else:
                await tables.take(order.order_id, seats, order.hold_expires_at)
            await tables.add_outcome(terms.quote_id, order, now + fault.visible_after)
        return Outcome(fault.answer) if fault.answer else order

    async def quote_cancellation(self, booking: Booking) -> PricedChange:
        """Return refund and fee by the fare's conditions; after the cut-off, nothing can be cancelled."""
        items = booking.terms.items
        conditions = [item.flights.conditions.refund for item in items]
        if not self._is_open(booking) or any(not _allows(condition) for condition in conditions):
            raise BookingNotCancellable(booking.state)
        fees = [condition.fee for condition in conditions if condition.HasField("fee")]
        price = total_of(item.flights.price for item in items)
        fee = total_of(fees) if len(fees) == len(items) else None
        refund = with_units(price, price.minor_units - fee.minor_units) if fee else None
        return PricedChange(self._kept(), with_units(price, 0), refund, fee)

    async def cancel(self, terms: QuoteTerms, order_id: str) -> Outcome:
        """Give the seats back."""
        fault = _fault_of(terms.passengers)
        outcome = Outcome(Result.CANCELLED, order_id=order_id)
        async with self._writing() as tx:
            tables = SandboxTables(tx)
            await tables.take(order_id, (), None)
            await tables.add_outcome(terms.quote_id, outcome, self._clock.now() + fault.visible_after)
        return Outcome(fault.answer) if fault.answer else outcome

    async def quote_change(self, booking: Booking, priced: Priced | None) -> PricedChange:
        """Return the fee by the fare's conditions, and the difference of the prices."""
        items = booking.terms.items
        conditions = [item.flights.conditions.change for item in items]
        stated = all(condition.HasField("fee") for condition in conditions)
        if not self._is_open(booking) or not stated or any(not _allows(each) for each in conditions):
            raise BookingNotChangeable(booking.state)
        paid, fee = (
            total_of(item.flights.price for item in items),
            total_of(condition.fee for condition in conditions),
        )
        if priced is None:
            return PricedChange(self._kept(), fee, with_units(fee, 0), fee, list(items))
        if priced.total.currency_code != paid.currency_code:
            raise BookingNotChangeable(booking.state)
        difference = priced.total.minor_units - paid.minor_units
        total = with_units(fee, fee.minor_units + max(difference, 0))
        return PricedChange(priced.clocks, total, with_units(fee, max(-difference, 0)), fee, priced.items)

    async def change(self, terms: QuoteTerms, order_id: str) -> Outcome:
        """Exchange the seats and issue new tickets."""
        order = replace(_new_order(terms, None), order_id=order_id)
        return await self._order(terms, order, _fault_of(terms.passengers), replaced=order_id)

    async def look_up(self, terms: QuoteTerms, order_id: str) -> Outcome:  # noqa: ARG002 -- the protocol's signature
        """Return the stored outcome of a quote's request, once it is visible."""
        async with self._writing() as tx:
            outcome = await SandboxTables(tx).outcome(terms.quote_id, self._clock.now())
        return outcome or Outcome(Result.NOT_FOUND)

    def _is_open(self, booking: Booking) -> bool:
        return self._policy.is_before_cut_off(segments_of(booking.terms.items), self._clock.now())

    def _kept(self) -> QuoteClocks:
        return _clocks(self._clock.now() + timedelta(minutes=self._policy.offer_minutes))


def _clocks(expires: datetime) -> QuoteClocks:
    clocks = QuoteClocks()
    clocks.offer_expire_time.FromSeconds(int(expires.timestamp()))
    return clocks


def _allows(condition: FareCondition) -> bool:
    return condition.allowance == quotes_pb2.ALLOWANCE_ALLOWED


def _fault_of(passengers: Iterable[Passenger]) -> Fault:
    names = [passenger.family_name.lower() for passenger in passengers]
    return next((FAULTS[name] for name in names if name in FAULTS), Fault())


def _new_order(terms: QuoteTerms, hold_expires_at: datetime | None) -> Outcome:
    numbers = (
        () if hold_expires_at else tuple(f"999{secrets.randbelow(10**10):010}" for _ in terms.passengers)
    )
    return Outcome(
        Result.HELD if hold_expires_at else Result.TICKETED,
        order_id=uuid7(),
        airline_reference=new_code(),
        tickets=numbers,
        hold_expires_at=hold_expires_at,
    )


def _allotments(itinerary: Itinerary) -> list[Seats]:
    count = itinerary.seats_left if itinerary.HasField("seats_left") else PLENTY
    cabin = _cabin(itinerary.fare.cabin)
    return [Seats(flight_key(segment), cabin, count) for segment in itinerary.segments]


def _seats(items: Iterable[BookingItem], passengers: Sequence[Passenger]) -> list[Seats]:
    """Return the seats that passengers need; infants need none."""
    adults, children, _ = party_of(passengers)
    return [
        Seats(flight_key(segment), _cabin(item.flights.cabin), adults + children)
        for item in items
        for segment in item.flights.segments
    ]


def _cabin(cabin: Cabin.ValueType) -> str:
    return Cabin.Name(cabin).removeprefix("CABIN_")


async def _has_seats(
    tables: SandboxTables, needed: Sequence[Seats], now: datetime, *, without: str = ""
) -> bool:
    for seats in sorted(needed, key=lambda seats: seats.flight):
        if await tables.left(seats.flight, seats.cabin, now, without=without) < seats.count:
            return False
    return True
