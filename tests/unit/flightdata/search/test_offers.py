"""An offer's id holds its terms, can't be forged, and expires; its own provider is asked to re-price it."""

from __future__ import annotations

from dataclasses import fields, replace
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mesh.contracts.page_tokens import PageTokens
from services.flightdata.errors import FlightsUnavailable, OfferExpired, OfferGone, OfferNotFound
from services.flightdata.model.fares import Cabin, Fare, Money
from services.flightdata.model.flights import Endpoint, Itinerary, Provenance, Segment
from services.flightdata.model.instants import Instant
from services.flightdata.model.queries import FlightQuery, Party
from services.flightdata.model.search_results import Found, Offer
from services.flightdata.providers.errors import ProviderUnavailable
from services.flightdata.providers.routing import ProviderRouter
from services.flightdata.search.offers import OfferService, OfferTerms
from tests.simulated_clock import SimulatedClock
from tests.unit.flightdata.providers.test_routing import Scripted

pytestmark = pytest.mark.unit

NOW = datetime(2026, 11, 23, 12, tzinfo=UTC)
LEAVES = Instant.of(NOW + timedelta(days=3), "Asia/Kolkata")
SAID = Provenance("seller", NOW)
SEGMENT = Segment(
    "AI",
    "Air India",
    "AI542",
    Endpoint("MAA", "", LEAVES),
    Endpoint("DEL", "", LEAVES.later(timedelta(hours=3))),
)
ITINERARY = Itinerary("an-itinerary", (SEGMENT,), None, SAID)
QUERY = FlightQuery(("MAA", "BLR"), ("DXN", "DEL"), date(2026, 11, 26), Cabin.BUSINESS, Party(2, 1), "INR")
TOKENS = PageTokens(b"a key for tests")


def _fare(amount: str = "12480.10") -> Fare:
    total = Money("INR", Decimal(amount))
    return Fare(total, None, Cabin.BUSINESS)


OFFER = Offer("the-vendors-id", ("an-itinerary",), "Tripdesk", _fare(), NOW + timedelta(minutes=15), SAID)


class Seller(Scripted):
    """A provider with a store."""

    def __init__(self, found: Found | Exception) -> None:
        super().__init__("seller", 1)
        self.found = found
        self.queries: list[FlightQuery] = []

    async def search(self, query: FlightQuery) -> Found:
        self.queries.append(query)
        if isinstance(self.found, Exception):
            raise self.found
        return self.found


@pytest.fixture
def clock() -> SimulatedClock:
    """Noon."""
    return SimulatedClock(NOW)


def _desk(seller: Seller, clock: SimulatedClock) -> OfferService:
    return OfferService(ProviderRouter([seller], clock), TOKENS, clock)


async def test_an_unchanged_price_has_no_previous_fare_and_only_its_pair_is_queried(
    clock: SimulatedClock,
) -> None:
    seller = Seller(Found([ITINERARY], [OFFER]))
    service = _desk(seller, clock)
    repriced = await service.reprice(service.named(OFFER, ITINERARY, QUERY).id)
    assert (repriced.previous, repriced.itineraries, repriced.offer.fare) == (None, [ITINERARY], OFFER.fare)
    assert seller.queries == [replace(QUERY, origins=("MAA",), destinations=("DEL",))]


async def test_a_changed_price_comes_with_the_previous_one(clock: SimulatedClock) -> None:
    service = _desk(Seller(Found([ITINERARY], [replace(OFFER, fare=_fare("13000.00"))])), clock)
    repriced = await service.reprice(service.named(OFFER, ITINERARY, QUERY).id)
    assert repriced.previous == OFFER.fare
    assert repriced.offer.fare.total.amount == Decimal("13000.00")


async def test_an_offer_that_is_no_longer_sold_is_gone(clock: SimulatedClock) -> None:
    service = _desk(Seller(Found([ITINERARY], [replace(OFFER, id="another")])), clock)
    with pytest.raises(OfferGone):
        await service.reprice(service.named(OFFER, ITINERARY, QUERY).id)


async def test_an_offer_of_a_removed_provider_is_gone(clock: SimulatedClock) -> None:
    name = _desk(Seller(Found([ITINERARY], [OFFER])), clock).named(OFFER, ITINERARY, QUERY).id
    with pytest.raises(OfferGone):
        await OfferService(ProviderRouter([], clock), TOKENS, clock).reprice(name)


async def test_an_offer_expires(clock: SimulatedClock) -> None:
    seller = Seller(Found([ITINERARY], [OFFER]))
    service = _desk(seller, clock)
    name = service.named(OFFER, ITINERARY, QUERY).id
    clock.advance(15 * 60)
    with pytest.raises(OfferExpired):
        await service.reprice(name)
    assert seller.queries == []


async def test_a_failed_provider_does_not_make_an_offer_gone(clock: SimulatedClock) -> None:
    service = _desk(Seller(ProviderUnavailable("seller", "down")), clock)
    with pytest.raises(FlightsUnavailable):
        await service.reprice(service.named(OFFER, ITINERARY, QUERY).id)


@settings(deadline=None)
@given(
    st.decimals("0.01", "9999999.99", places=2),
    st.builds(Party, st.integers(1, 9), st.integers(0, 8), st.integers(0, 4)),
    st.sampled_from(Cabin),
    st.dates(date(2026, 1, 1), date(2030, 1, 1)),
    st.builds(
        dict,
        max_stops=st.none() | st.integers(0, 3),
        via=st.sampled_from([(), ("DXB",), ("DXB", "DWC")]),
        bags=st.integers(0, 3),
        back=st.none() | st.dates(),
    ),
)
def test_terms_survive_sealing(
    amount: Decimal, party: Party, cabin: Cabin, day: date, wishes: dict[str, Any]
) -> None:
    total = Money("INR", amount)
    query = FlightQuery(("MAA",), ("DEL",), day, cabin, party, "INR", **wishes)
    assert {field.name for field in fields(query)} == {
        "origins",
        "destinations",
        "date",
        "cabin",
        "party",
        "currency",
        *wishes,
    }
    terms = OfferTerms(
        "flightapi",
        "an id: ü",
        query,
        Fare(total, total if party.size == 1 else None, cabin, query.bags),
        NOW,
    )
    assert OfferTerms.opened(terms.sealed(TOKENS), TOKENS) == terms


@settings(deadline=None)
@given(st.data())
def test_a_forged_id_is_refused(data: st.DataObject) -> None:
    name = OfferTerms(
        "flightapi", "id", replace(QUERY, origins=("MAA",), destinations=("DEL",)), _fare(), NOW
    ).sealed(TOKENS)
    at = data.draw(st.integers(0, len(name) - 2))
    other = data.draw(st.sampled_from([letter for letter in "ABCxyz019_-" if letter != name[at]]))
    with pytest.raises(OfferNotFound):
        OfferTerms.opened(name[:at] + other + name[at + 1 :], TOKENS)
    with pytest.raises(OfferNotFound):
        OfferTerms.opened(name, PageTokens(b"another key"))
    with pytest.raises(OfferNotFound):
        OfferTerms.opened(data.draw(st.text(max_size=60)), TOKENS)
