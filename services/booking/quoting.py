"""Quotes: terms that the supplier states now, fixed with a digest and a read-back."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime

from google.protobuf.timestamp_pb2 import Timestamp
from readback.booking.v1 import quotes_pb2
from readback.booking.v1.quotes_pb2 import Passenger, QuoteClocks, QuoteTerms
from readback.booking.v1.travellers_pb2 import Traveller
from readback.flightdata.v1.flights_pb2 import RepriceOfferResponse

from mesh.clock import Clock
from mesh.ids import uuid7
from services.booking.errors import (
    BookingNotCancellable,
    BookingNotChangeable,
    BookingNotFound,
    OfferNotBookable,
    PartyMismatch,
    PolicyRefused,
    QuoteNotFound,
)
from services.booking.model.digests import digest_of
from services.booking.model.passengers import COPIED, local_date, party_of, passengers_of, segments_of
from services.booking.model.records import Booking, Quote
from services.booking.model.states import BOOKINGS, BookingState, QuoteKind, QuoteState
from services.booking.offers import Offers
from services.booking.store.store import Store, Transaction
from services.booking.suppliers.protocol import Priced, PricedChange, Supplier, Suppliers
from services.booking.travellers import Travellers
from services.booking.wording.read_backs import read_backs


def expiry_of(clocks: QuoteClocks) -> datetime:
    """Return the earliest of the clocks. Raises ValueError if none is stated."""
    stated: Iterable[Timestamp] = (value for _, value in clocks.ListFields())
    return min(time.ToDatetime(UTC) for time in stated)


class Quotes:
    """Makes quotes, and finds and withdraws them."""

    def __init__(
        self, store: Store, suppliers: Suppliers, offers: Offers, travellers: Travellers, clock: Clock
    ) -> None:
        self._store, self._suppliers, self._offers = store, suppliers, offers
        self._travellers, self._clock = travellers, clock

    async def for_booking(
        self, customer_id: str, offer_ids: Sequence[str], traveller_ids: Sequence[str], token: str
    ) -> Quote:
        """Return a new quote, which isn't stored, for offers and travellers.

        `token` is the caller's, for the request to flight data.

        Raises:
            OfferNotFound, OfferExpired, OfferGone, OfferNotBookable: an offer can't be had.
            TravellerNotFound, PartyMismatch, PolicyRefused, SoldOut: not for these travellers.
        """
        async with self._store.reading() as tx:
            people = await self._travellers.chosen(tx, customer_id, traveller_ids)
        supplier, passengers, priced = await self._priced(offer_ids, people, token)
        terms = self._terms(supplier, quotes_pb2.QUOTE_KIND_BOOKING, passengers, priced.clocks)
        terms.items.extend(priced.items)
        terms.total.CopyFrom(priced.total)
        return self._quote(customer_id, terms)

    async def for_cancellation(self, customer_id: str, booking_id: str) -> Quote:
        """Return a new quote, which isn't stored, for the cancellation of a booking.

        Raises:
            BookingNotFound, BookingNotCancellable, SupplierUnavailable.
        """
        booking = await self._booking(customer_id, booking_id)
        if not BOOKINGS.allows(booking.state, BookingState.CANCELLING):
            raise BookingNotCancellable(booking.state)
        supplier = self._suppliers.named(booking.supplier)
        priced = await supplier.quote_cancellation(booking)
        passengers = list(booking.terms.passengers)
        terms = self._terms(supplier, quotes_pb2.QUOTE_KIND_CANCELLATION, passengers, priced.clocks)
        terms.items.extend(booking.terms.items)
        return self._quote_for(booking, terms, priced)

    async def for_change(
        self,
        customer_id: str,
        booking_id: str,
        offer_ids: Sequence[str],
        traveller_ids: Sequence[str],
        token: str,
    ) -> Quote:
        """Return a new quote, which isn't stored, for other flights or other names of a booking.

        Raises:
            BookingNotFound, BookingNotChangeable, SupplierUnavailable.
            OfferNotFound, OfferExpired, OfferGone, OfferNotBookable: an offer can't be had.
            TravellerNotFound, PartyMismatch, PolicyRefused, SoldOut: not for these travellers.
        """
        booking = await self._booking(customer_id, booking_id)
        if not BOOKINGS.allows(booking.state, BookingState.CHANGE_PENDING):
            raise BookingNotChangeable(booking.state)
        supplier, passengers = self._suppliers.named(booking.supplier), list(booking.terms.passengers)
        if traveller_ids:
            async with self._store.reading() as tx:
                people = await self._travellers.chosen(tx, customer_id, traveller_ids)
            last = local_date(segments_of(booking.terms.items)[-1])
            passengers = _renamed(passengers, passengers_of(people, last))
        priced_flights = None
        if offer_ids:
            people = [_as_traveller(passenger) for passenger in passengers]
            selling, passengers, priced_flights = await self._priced(offer_ids, people, token)
            if selling is not supplier:
                raise OfferNotBookable(selling.name)
        priced = await supplier.quote_change(booking, priced_flights)
        terms = self._terms(supplier, quotes_pb2.QUOTE_KIND_CHANGE, passengers, priced.clocks)
        terms.items.extend(priced.items)
        return self._quote_for(booking, terms, priced)

    async def get(self, customer_id: str, quote_id: str) -> Quote:
        """Return a customer's quote. Raises QuoteNotFound if there is none."""
        async with self._store.reading() as tx:
            return await require_quote(tx, customer_id, quote_id)

    async def _booking(self, customer_id: str, booking_id: str) -> Booking:
        async with self._store.reading() as tx:
            booking = await tx.booking(customer_id, booking_id.lower())
        if booking is None:
            raise BookingNotFound
        return booking

    async def _priced(
        self, offer_ids: Sequence[str], people: Sequence[Traveller], token: str
    ) -> tuple[Supplier, list[Passenger], Priced]:
        """Return the supplier of offers, the passengers by their age, and the current price."""
        repriced = await asyncio.gather(*(self._offers.reprice(offer_id, token) for offer_id in offer_ids))
        supplier = self._supplier_of(repriced)
        segments = [s for offer in repriced for itinerary in offer.itineraries for s in itinerary.segments]
        passengers = passengers_of(people, local_date(segments[-1]))
        party = party_of(passengers)
        if any((offer.adults, offer.children, offer.infants) != party for offer in repriced):
            raise PartyMismatch(*party)
        return supplier, passengers, await supplier.price(repriced, passengers)

    def _supplier_of(self, repriced: Sequence[RepriceOfferResponse]) -> Supplier:
        """Return the supplier that sells all offers."""
        providers = [each.offer.provenance.provider for each in repriced]
        found = {provider: self._suppliers.selling(provider) for provider in providers}
        supplier = found[providers[0]]
        if supplier is None or any(other is not supplier for other in found.values()):
            raise OfferNotBookable(next((name for name in providers if not found[name]), providers[-1]))
        currencies = {each.offer.fare.total.currency_code for each in repriced}
        if len(currencies) > 1:
            text = "These offers are priced in several currencies; book them one by one."
            raise PolicyRefused("one_currency", text)
        return supplier

    def _terms(
        self,
        supplier: Supplier,
        kind: quotes_pb2.QuoteKind.ValueType,
        passengers: Sequence[Passenger],
        clocks: QuoteClocks,
    ) -> QuoteTerms:
        terms = QuoteTerms(
            quote_id=uuid7(),
            kind=kind,
            supplier=supplier.name,
            sandbox=supplier.sandbox,
            passengers=passengers,
            clocks=clocks,
        )
        # Whole seconds have one form in JSON, and so one digest.
        terms.create_time.FromSeconds(int(self._clock.now().timestamp()))
        return terms

    def _quote_for(self, booking: Booking, terms: QuoteTerms, priced: PricedChange) -> Quote:
        terms.booking_id = booking.booking_id
        terms.total.CopyFrom(priced.total)
        if priced.refund is not None:
            terms.refund.CopyFrom(priced.refund)
        if priced.fee is not None:
            terms.fee.CopyFrom(priced.fee)
        return self._quote(booking.customer_id, terms)

    def _quote(self, customer_id: str, terms: QuoteTerms) -> Quote:
        terms.read_backs.extend(read_backs(terms))
        return Quote(
            quote_id=terms.quote_id,
            customer_id=customer_id,
            kind=QuoteKind(quotes_pb2.QuoteKind.Name(terms.kind).removeprefix("QUOTE_KIND_")),
            state=QuoteState.OPEN,
            supplier=terms.supplier,
            terms=terms,
            digest=digest_of(terms),
            booking_id=terms.booking_id or None,
            expires_at=expiry_of(terms.clocks),
            created_at=self._clock.now(),
        )


async def require_quote(tx: Transaction, customer_id: str, quote_id: str) -> Quote:
    """Return a customer's quote. Raises QuoteNotFound if there is none."""
    quote = await tx.quote(customer_id, quote_id.lower())
    if quote is None:
        raise QuoteNotFound
    return quote


def _renamed(before: Sequence[Passenger], after: Sequence[Passenger]) -> list[Passenger]:
    """Return the passengers after a change of names. Raises PartyMismatch for another party."""
    if party_of(before) != party_of(after):
        raise PartyMismatch(*party_of(after))
    return list(after)


def _as_traveller(passenger: Passenger) -> Traveller:
    return Traveller(**{name: getattr(passenger, name) for name in COPIED})
