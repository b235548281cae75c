"""Offers with signed ids, and requests for their current price.

The id of an offer contains its signed terms. So the id survives restarts, works on every replica and can't be
forged.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

from mesh.clock import Clock
from mesh.contracts.page_tokens import PageTokens
from mesh.errors import InvalidPageToken
from services.flightdata.errors import OfferExpired, OfferGone, OfferNotFound
from services.flightdata.model.fares import Cabin, Fare, Money
from services.flightdata.model.flights import Itinerary
from services.flightdata.model.queries import FlightQuery, Party
from services.flightdata.model.search_results import Offer
from services.flightdata.providers.protocol import Capability
from services.flightdata.providers.routing import ProviderRouter
from services.flightdata.quota.allowances import Spend, free

BOUND_TO = "offers, both ways"
"""Purpose of the ids. Change it when the sealed fields change, to reject ids of earlier releases."""


@dataclass(frozen=True, slots=True)
class OfferTerms:
    """The terms of an offer, with every query field that changes the provider's answer.

    `vendors_id` is the provider's own id of the offer. `query` finds the offer again. `expires` is UTC. The
    seats left aren't included, because re-pricing asks for them.
    """

    provider: str
    vendors_id: str
    query: FlightQuery
    fare: Fare
    expires: datetime

    def sealed(self, tokens: PageTokens) -> str:
        """Return the offer's id, which contains these terms."""
        query, total = self.query, self.fare.total
        fields = {
            "provider": self.provider,
            "id": self.vendors_id,
            "pair": [query.origins[0], query.destinations[0]],
            "day": query.date.isoformat(),
            "cabin": query.cabin.value,
            "party": [query.party.adults, query.party.children, query.party.infants],
            "price": [total.currency, str(total.amount)],
            "held": self.fare.bags,
            "asked": query.currency,
            "stops": query.max_stops,
            "via": query.via,
            "bags": query.bags,
            "back": query.back.isoformat() if query.back else "",
            "expires": int(self.expires.timestamp()),
        }
        return tokens.seal(json.dumps(fields, separators=(",", ":")), BOUND_TO)

    @classmethod
    def opened(cls, offer_id: str, tokens: PageTokens) -> OfferTerms:
        """Return the terms in an offer's id. Raises `OfferNotFound` if this service didn't seal it."""
        try:
            fields: dict[str, Any] = json.loads(tokens.open(offer_id, BOUND_TO))
        except InvalidPageToken:
            raise OfferNotFound from None
        party, cabin = Party(*fields["party"]), Cabin(fields["cabin"])
        total = Money(fields["price"][0], Decimal(fields["price"][1]))
        origin, destination = fields["pair"]
        query = FlightQuery(
            (origin,),
            (destination,),
            date.fromisoformat(fields["day"]),
            cabin,
            party,
            fields["asked"],
            max_stops=fields["stops"],
            via=tuple(fields["via"]),
            bags=fields["bags"],
            back=date.fromisoformat(fields["back"]) if fields["back"] else None,
        )
        fare = Fare(total, total if party.size == 1 else None, cabin, fields["held"])
        expires = datetime.fromtimestamp(fields["expires"], UTC)
        return cls(fields["provider"], fields["id"], query, fare, expires)


@dataclass(frozen=True, slots=True)
class RepricedOffer:
    """An offer at its current price.

    `itineraries` are those that the price includes. `previous` is the fare of the original offer if the fare
    has changed. `party` is the passengers that the price is for.
    """

    offer: Offer
    itineraries: Sequence[Itinerary]
    previous: Fare | None
    party: Party


class OfferService:
    """Assigns ids to offers, and asks the provider of an offer for its current price."""

    def __init__(self, router: ProviderRouter, tokens: PageTokens, clock: Clock, spend: Spend = free) -> None:
        self._router, self._tokens, self._clock, self._spend = router, tokens, clock, spend

    def named(self, offer: Offer, first: Itinerary, query: FlightQuery) -> Offer:
        """Return a provider's offer with an id that `reprice` accepts. `first` is its first itinerary."""
        origins, destinations = (first.departure.airport,), (first.arrival.airport,)
        pair = replace(query, origins=origins, destinations=destinations)
        terms = OfferTerms(offer.provenance.provider, offer.id, pair, offer.fare, offer.expires)
        return replace(offer, id=terms.sealed(self._tokens))

    async def reprice(self, offer_id: str) -> RepricedOffer:
        """Ask the provider that made an offer for the offer's current price.

        Raises:
            OfferNotFound: this service didn't issue the id.
            OfferExpired: the price of the offer is no longer valid.
            OfferGone: the offer is no longer sold.
            FlightsUnavailable, FlightsQuotaExhausted, FlightsRestricted: the provider could not answer.
            AllowanceExhausted: the caller may cause no more lookups today.
        """
        terms = OfferTerms.opened(offer_id, self._tokens)
        if terms.expires <= self._clock.now():
            raise OfferExpired(terms.expires)
        if terms.provider not in self._router.health:
            raise OfferGone
        if not self._router.is_free:
            await self._spend()
        found = await self._router.ask_one(
            terms.provider, Capability.OFFERS, lambda provider: provider.search(terms.query)
        )
        offer = next((offer for offer in found.offers if offer.id == terms.vendors_id), None)
        if offer is None:
            raise OfferGone
        by_id = {itinerary.id: itinerary for itinerary in found.itineraries}
        itineraries = [by_id[name] for name in offer.itinerary_ids]
        previous = terms.fare if offer.fare.total != terms.fare.total else None
        named = self.named(offer, itineraries[0], terms.query)
        return RepricedOffer(named, itineraries, previous, terms.query.party)
