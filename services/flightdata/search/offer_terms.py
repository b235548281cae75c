"""What an offer was made for, sealed into its name: so it survives restarts, is known to every replica, and can't be made up."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

from mesh.contracts.page_tokens import PageTokens
from mesh.errors import InvalidPageToken
from services.flightdata.errors import OfferNotFound
from services.flightdata.model.fares import Cabin, Fare, Money
from services.flightdata.model.queries import FlightQuery, Party

BOUND_TO = "offers, both ways"
"""Another name when the fields are others: what an earlier release sealed is unknown then, and never misread."""


@dataclass(frozen=True, slots=True)
class OfferTerms:
    """Who offered what: `vendors_id` is the provider's own name for the offer, `query` finds it again, `expires` is UTC.

    All of the query is sealed that changes the answer, and of the fare what it holds. Seats left are not: they are true for a moment, and
    re-pricing asks how many there are then.
    """

    provider: str
    vendors_id: str
    query: FlightQuery
    fare: Fare
    expires: datetime

    def sealed(self, seals: PageTokens) -> str:
        """The offer's name."""
        query, total = self.query, self.fare.total
        written = {
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
        return seals.seal(json.dumps(written, separators=(",", ":")), BOUND_TO)


def opened(name: str, seals: PageTokens) -> OfferTerms:
    """The terms in an offer's name. Raises `OfferNotFound` for one that was not sealed here."""
    try:
        written: dict[str, Any] = json.loads(seals.open(name, BOUND_TO))
    except InvalidPageToken:
        raise OfferNotFound from None
    party, cabin = Party(*written["party"]), Cabin(written["cabin"])
    total = Money(written["price"][0], Decimal(written["price"][1]))
    return OfferTerms(
        provider=written["provider"],
        vendors_id=written["id"],
        query=_query(written, party, cabin),
        fare=Fare(total.shared_by(party.size), total, cabin, written["held"]),
        expires=datetime.fromtimestamp(written["expires"], UTC),
    )


def _query(written: dict[str, Any], party: Party, cabin: Cabin) -> FlightQuery:
    origin, destination = written["pair"]
    return FlightQuery(
        (origin,),
        (destination,),
        date.fromisoformat(written["day"]),
        cabin,
        party,
        written["asked"],
        max_stops=written["stops"],
        via=tuple(written["via"]),
        bags=written["bags"],
        back=date.fromisoformat(written["back"]) if written["back"] else None,
    )
