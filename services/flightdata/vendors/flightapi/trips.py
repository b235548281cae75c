"""Responses of `/onewaytrip` and `/roundtrip`: six lists (itineraries, legs, segments, …) linked by ids.

IATA codes are in `display_code`. Carrier ids are negative. Times are local without a zone. A price is for all
passengers. A round trip has two legs and one price for both. Pricing options without a price are skipped.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal, InvalidOperation
from itertools import pairwise
from typing import Any

from services.flightdata.model import carriers
from services.flightdata.model.fares import Fare, Money
from services.flightdata.model.flights import Endpoint, Itinerary, Operator, Provenance, Segment
from services.flightdata.model.queries import FlightQuery
from services.flightdata.model.search_results import Found, Offer, RoundTrip
from services.flightdata.places import Airport
from services.flightdata.places.geography import distance_km
from services.flightdata.places.lexicon import Lexicon
from services.flightdata.vendors.flight_numbers import joined
from services.flightdata.vendors.flightapi import NAME
from services.flightdata.vendors.json_fields import NOTHING, Json, code, listing, name, objects, text, under
from services.flightdata.vendors.local_times import naive
from services.flightdata.vendors.plausibility import doubts, flies, is_test_carrier

OFFER_LIFE = timedelta(minutes=15)
"""Assumed lifetime of a price. The vendor states only when it last saw the price."""
MOST_OFFERS = 5
"""Maximum number of offers per itinerary: the cheapest ones."""
MOST_SEGMENTS = 8
"""Maximum number of flights of a trip. Longer trips are skipped."""
MOST_SELLERS = 3
"""Maximum number of sellers named for one offer."""
DEAREST = Decimal(10) ** 9


class TripReader:
    """Reader of the response to one query."""

    def __init__(
        self, body: Json, query: FlightQuery, lexicon: Lexicon, provenance: Provenance, currency: str
    ) -> None:
        """`currency` is the requested currency. It is used if the response states none."""
        self._body = body
        self._tables: dict[str, dict[str, Json]] = {
            name: {text(row.get("id")): row for row in objects(body.get(name))}
            for name in ("legs", "segments", "places", "carriers", "agents")
        }
        self._query = query
        self._lexicon = lexicon
        self._provenance = provenance
        self._currency = code(under(body, "query").get("currency"), 3) or currency

    def _row(self, table: str, row_id: Any) -> Json:
        """Return the row with an id, which is a number or text; empty if the id is unknown."""
        return self._tables[table].get(text(row_id), NOTHING)

    def found(self) -> Found:
        """Return the itineraries with their offers, or the round trips. Skip trips with trains or buses."""
        rows = list(objects(self._body.get("itineraries")))
        if self._query.back:
            return self._round_trips(rows)
        read = [pair for row in rows if (pair := self._itinerary(row))]
        return Found([itinerary for itinerary, _ in read], [offer for _, offers in read for offer in offers])

    def _itinerary(self, row: Json) -> tuple[Itinerary, list[Offer]] | None:
        segments = self._segments(listing(row.get("leg_ids")))
        if not segments:
            return None
        itinerary = self._flown(segments, 0)
        offers = self._cheapest(row, itinerary.id)
        return replace(itinerary, fare=offers[0].fare if offers else None), offers

    def _round_trips(self, rows: list[Json]) -> Found:
        itineraries: dict[str, Itinerary] = {}
        trips: dict[tuple[str, str], RoundTrip] = {}
        sold: list[Offer] = []
        for row in rows:
            legs = [self._segments([leg]) for leg in listing(row.get("leg_ids"))]
            if len(legs) != 2 or not all(legs) or legs[0][-1].arrival.at.utc >= legs[1][0].departure.at.utc:
                continue
            out, back = (self._flown(segments, number) for number, segments in enumerate(legs))
            if (out.id, back.id) in trips:
                continue
            offers = self._cheapest(row, out.id, back.id)
            itineraries |= {out.id: out, back.id: back}
            trips[out.id, back.id] = RoundTrip(out.id, back.id, offers[0].fare if offers else None)
            sold += offers
        return Found(list(itineraries.values()), sold, round_trips=list(trips.values()))

    def _flown(self, segments: tuple[Segment, ...], leg: int) -> Itinerary:
        flown = (
            f"{segment.flight}:{segment.departure.airport}:{segment.departure.time.date()}"
            for segment in segments
        )
        return Itinerary(_name(*flown), segments, None, self._provenance, leg=leg)

    def _cheapest(self, row: Json, *itinerary_ids: str) -> list[Offer]:
        offers = self._offers(row, itinerary_ids)
        return sorted(offers, key=lambda offer: (offer.fare.total.amount, offer.id))[:MOST_OFFERS]

    def _segments(self, leg_ids: list[Any]) -> tuple[Segment, ...]:
        """Return the segments of the legs, in order. Empty if one isn't a known flight, or too many."""
        legs = (self._row("legs", leg) for leg in leg_ids)
        ids = [segment for leg in legs for segment in listing(leg.get("segment_ids"))]
        if len(ids) > MOST_SEGMENTS:
            return ()
        read = [self._segment(self._row("segments", segment)) for segment in ids]
        known = tuple(segment for segment in read if segment)
        in_order = all(before.arrival.at.utc <= after.departure.at.utc for before, after in pairwise(known))
        return known if len(known) == len(ids) and in_order else ()

    def _segment(self, row: Json) -> Segment | None:
        origin = self._airport(row.get("origin_place_id"))
        destination = self._airport(row.get("destination_place_id"))
        marketing = self._carrier(row.get("marketing_carrier_id"))
        operating = self._carrier(row.get("operating_carrier_id"))
        flight = joined(marketing[0], text(row.get("marketing_flight_number")))
        mode = text(row.get("mode")) or text(row.get("transport_mode"))
        if origin is None or destination is None or not flight or not flies(mode):
            return None
        if is_test_carrier(*marketing) or is_test_carrier(*operating):
            return None
        departure = naive(text(row.get("departure")), origin.zone)
        arrival = naive(text(row.get("arrival")), destination.zone)
        if departure is None or arrival is None:
            return None
        operator = None
        if operating[0] and operating[0] != marketing[0]:
            operator = Operator(code(operating[0], 2), carriers.name_of(*operating), "")
        return Segment(
            carrier_code=marketing[0],
            carrier=carriers.name_of(*marketing),
            flight=flight,
            departure=Endpoint(origin.code, origin.city, departure),
            arrival=Endpoint(destination.code, destination.city, arrival),
            operator=operator,
            doubts=doubts(departure, arrival, distance_km(origin, destination)),
        )

    def _airport(self, place_id: Any) -> Airport | None:
        row = self._row("places", place_id)
        return self._lexicon.airports.get(code(row.get("display_code"), 3))

    def _carrier(self, carrier_id: Any) -> tuple[str, str]:
        """Return the code and name of a carrier; both are empty if it is unknown.

        The code may not be an IATA code, for example `DUFFEL`, which marks test flights.
        """
        row = self._row("carriers", carrier_id)
        return name(row.get("display_code")).upper(), name(row.get("name"))

    def _offers(self, row: Json, itinerary_ids: tuple[str, ...]) -> Iterator[Offer]:
        party, cabin = self._query.party, self._query.cabin
        sizes = [str(size) for size in (party.adults, party.children, party.infants)]
        for option in objects(row.get("pricing_options")):
            amount = _amount(under(option, "price").get("amount"))
            if amount is None or text(option.get("unpriced_type")) or not self._currency:
                continue
            agents = [text(agent) for agent in listing(option.get("agent_ids"))]
            items = list(objects(option.get("items")))
            total = Money(self._currency, amount)
            yield Offer(
                id=_name(*itinerary_ids, cabin.value, *sizes, *agents),
                itinerary_ids=itinerary_ids,
                seller=self._seller(agents),
                fare=Fare(total, total if party.size == 1 else None, cabin),
                expires=self._provenance.fetched + OFFER_LIFE,
                provenance=self._provenance,
                tickets=max(1, len(items)),
            )

    def _seller(self, agents: list[str]) -> str:
        names = (name(self._row("agents", agent).get("name")) for agent in agents[:MOST_SELLERS])
        return ", ".join(filter(None, names)) or "unnamed seller"


def _amount(value: Any) -> Decimal | None:
    """Return a price, rounded to two decimals without float errors; None if the value isn't a valid price."""
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        return None
    try:
        amount = Decimal(str(value)).quantize(Decimal("0.01"))
    except InvalidOperation:
        return None
    # Python's JSON parser accepts NaN, and a text may contain it, but it can't be compared.
    return amount if amount.is_finite() and 0 < amount < DEAREST else None


def _name(*parts: str) -> str:
    return f"{NAME}:{hashlib.sha256('|'.join(parts).encode()).hexdigest()[:20]}"
