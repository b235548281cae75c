"""Protocol of a supplier.

A supplier's answer is an `Outcome`, never an exception: an unexpected error of an adapter counts as UNKNOWN,
because the request may have had an effect.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import Enum, auto
from typing import Protocol

from readback.booking.v1.quotes_pb2 import Amount, BookingItem, Passenger, QuoteClocks, QuoteTerms
from readback.flightdata.v1.flights_pb2 import RepriceOfferResponse

from services.booking.model.records import Booking
from services.booking.model.states import Failure


class Result(Enum):
    """Result of a request to a supplier."""

    TICKETED = auto()
    """The tickets are issued, for a booking or after a change."""
    HELD = auto()
    """The seats are kept without tickets."""
    CANCELLED = auto()
    """The order is cancelled."""
    REFUSED = auto()
    """The supplier refused; nothing has changed there."""
    NOT_SENT = auto()
    """The supplier can't be reached; it received nothing."""
    LATER = auto()
    """The supplier accepted the request; the outcome comes later."""
    UNKNOWN = auto()
    """The request may have had an effect."""
    NOT_FOUND = auto()
    """A look-up found no effect. It may still come."""


FINAL = frozenset({Result.TICKETED, Result.HELD, Result.CANCELLED, Result.REFUSED, Result.NOT_SENT})
"""Results after which nothing needs to be looked up."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """A result, with the facts of the order that it made or changed."""

    result: Result
    order_id: str = ""
    airline_reference: str = ""
    tickets: tuple[str, ...] = ()
    hold_expires_at: datetime | None = None
    failure: Failure | None = None
    """Set for REFUSED and NOT_SENT."""


@dataclass(frozen=True, slots=True)
class Priced:
    """Items at the supplier's current price, with the times that limit it."""

    items: Sequence[BookingItem]
    total: Amount
    clocks: QuoteClocks


@dataclass(frozen=True, slots=True)
class PricedChange:
    """A cancellation or a change at the supplier's current terms. `refund` and `fee` may not be stated."""

    clocks: QuoteClocks
    total: Amount
    """Still to be paid."""
    refund: Amount | None = None
    fee: Amount | None = None
    items: Sequence[BookingItem] = field(default=())
    """The parts that are booked after a change."""


class Supplier(Protocol):
    """A seller. A request that changes something gets the terms that the customer agreed to."""

    name: str
    sandbox: bool
    """It is invented; its bookings exist only here."""
    patience: timedelta
    """Longest time to wait for its answer to one request."""
    final_after: timedelta | None
    """Time after a request when a look-up without a result is final; None if it never is."""

    def sells(self, provider: str) -> bool:
        """Return whether it sells the offers of a provider of flight data."""
        ...

    async def price(self, offers: Sequence[RepriceOfferResponse], passengers: Sequence[Passenger]) -> Priced:
        """Return offers at the current price.

        Raises:
            SoldOut: there are no seats for these passengers.
            PolicyRefused: a rule forbids it.
            SupplierUnavailable: it can't be reached.
        """
        ...

    async def issue(self, terms: QuoteTerms) -> Outcome:
        """Book: issue tickets, or hold the seats where only a hold is sold."""
        ...

    async def quote_cancellation(self, booking: Booking) -> PricedChange:
        """Return the terms of a cancellation.

        Raises:
            BookingNotCancellable: a rule forbids it.
            SupplierUnavailable: it can't be reached.
        """
        ...

    async def cancel(self, terms: QuoteTerms, order_id: str) -> Outcome:
        """Cancel an order."""
        ...

    async def quote_change(self, booking: Booking, priced: Priced | None) -> PricedChange:
        """Return the terms of a change: to other flights, or only of names if `priced` is None.

        Raises:
            BookingNotChangeable: a rule forbids it.
            SupplierUnavailable: it can't be reached.
        """
        ...

    async def change(self, terms: QuoteTerms, order_id: str) -> Outcome:
        """Change an order."""
        ...

    async def look_up(self, terms: QuoteTerms, order_id: str) -> Outcome:
        """Return the outcome of the request that was sent for a quote. Changes nothing."""
        ...


class Suppliers:
    """The configured suppliers."""

    def __init__(self, suppliers: Sequence[Supplier]) -> None:
        self._by_name = {supplier.name: supplier for supplier in suppliers}

    def named(self, name: str) -> Supplier:
        """Return a supplier that a quote names. Raises KeyError if it isn't configured any more."""
        return self._by_name[name]

    def selling(self, provider: str) -> Supplier | None:
        """Return the supplier that sells the offers of a provider of flight data; None if there is none."""
        return next((each for each in self._by_name.values() if each.sells(provider)), None)
