"""Offers under names that hold, and what has become of one since it was made."""

from __future__ import annotations

from dataclasses import dataclass, replace

from mesh.clock import Clock
from mesh.contracts.page_tokens import PageTokens
from services.flightdata.errors import OfferExpired, OfferGone
from services.flightdata.model.fares import Fare
from services.flightdata.model.flights import Itinerary
from services.flightdata.model.found import Offer
from services.flightdata.model.queries import FlightQuery
from services.flightdata.providers.protocol import Capability
from services.flightdata.providers.routing import ProviderRouter
from services.flightdata.search.offer_terms import OfferTerms, opened


@dataclass(frozen=True, slots=True)
class Repriced:
    """An offer as it is now, with its itinerary; `previous` is what it cost before, when that was something else.

    `back` is the way back, when that is sold with it.
    """

    offer: Offer
    itinerary: Itinerary
    previous: Fare | None
    back: Itinerary | None = None


class OfferDesk:
    """Names offers, and asks their providers about them again."""

    def __init__(self, router: ProviderRouter, seals: PageTokens, clock: Clock) -> None:
        self._router = router
        self._seals = seals
        self._clock = clock

    def named(self, offer: Offer, itinerary: Itinerary, query: FlightQuery) -> Offer:
        """A provider's offer under a name that `reprice` knows."""
        pair = replace(
            query, origins=(itinerary.departure.airport,), destinations=(itinerary.arrival.airport,)
        )
        terms = OfferTerms(offer.provenance.provider, offer.id, pair, offer.fare, offer.expires)
        return replace(offer, id=terms.sealed(self._seals))

    async def reprice(self, name: str) -> Repriced:
        """What an offer is now; its provider is asked again, and no other would do.

        Raises:
            OfferNotFound: nobody here made it.
            OfferExpired: its price was good for a time that is over.
            OfferGone: nobody sells it any more.
            FlightsUnavailable, FlightsQuotaExhausted, FlightsRestricted: its provider could not answer.
        """
        terms = opened(name, self._seals)
        if terms.expires <= self._clock.now():
            raise OfferExpired(terms.expires)
        if terms.provider not in self._router.health:
            raise OfferGone
        found = await self._router.ask_one(
            terms.provider, Capability.OFFERS, lambda provider: provider.search(terms.query)
        )
        offer = next((offer for offer in found.offers if offer.id == terms.vendors_id), None)
        if offer is None:
            raise OfferGone
        by_id = {itinerary.id: itinerary for itinerary in found.itineraries}
        itinerary = by_id[offer.itinerary_id]
        previous = terms.fare if offer.fare.total != terms.fare.total else None
        return Repriced(
            self.named(offer, itinerary, terms.query), itinerary, previous, by_id.get(offer.return_id)
        )
