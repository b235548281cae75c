"""FlightAPI.io's trip responses: six lists joined by ids, negative carrier ids, prices without a currency."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, datetime, timedelta
from itertools import islice, product
from typing import Any

from doubles.world import Carrier, Flight, Port, World, fraction

Row = dict[str, Any]
Flights = Sequence[tuple[Flight, date]]
"""Connecting flights in their order, each with its day of departure."""
AGENTS = (
    {"id": "trip", "name": "Tripdesk", "is_carrier": False, "rating": 4.2},
    {"id": "moon", "name": "Moonfares", "is_carrier": False},
)
DUFFEL = -31896
"""The id of "Duffel Airways", a carrier that exists only for tests."""
NO_FARE = {"fare_basis_code": "", "booking_code": "", "fare_family": ""}
NO_BRAND: Row = {"attribute_labels": [], "leg_details": {}, "brand_names": [], "added_attribute_labels": []}
PER_KM = {"USD": 0.09, "EUR": 0.083, "GBP": 0.07, "INR": 7.6}
CABINS = {"Economy": 1.0, "Premium_Economy": 1.7, "Business": 3.4, "First": 5.5}
"""Factors on the economy fare."""
MOST_ROUND_TRIPS = 60
SHORTEST_CONNECTION, LONGEST_CONNECTION = timedelta(hours=1), timedelta(hours=14)


@dataclass(frozen=True, slots=True)
class TripRequest:
    """The parameters of a trip search."""

    origin: str
    destination: str
    day: date
    adults: int
    children: int
    infants: int
    cabin: str
    currency: str
    back: date | None = None

    @property
    def way_back(self) -> TripRequest:
        """Return the one-way request for the return direction."""
        return replace(
            self, origin=self.destination, destination=self.origin, day=self.back or self.day, back=None
        )

    @property
    def party(self) -> int:
        """Return the number of passengers."""
        return self.adults + self.children + self.infants


@dataclass
class TripResponse:
    """Builder of a response. `surcharge` is added to each price; `unpriced` omits all offers."""

    request: TripRequest
    surcharge: int
    unpriced: bool
    places: dict[int, Row] = field(default_factory=dict)
    carriers: dict[int, Row] = field(default_factory=dict)
    segments: list[Row] = field(default_factory=list)
    legs: list[Row] = field(default_factory=list)
    itineraries: list[Row] = field(default_factory=list)

    def place(self, port: Port) -> int:
        """Add an airport unless it is listed; return its id."""
        number = 10_000 + int(fraction("place", port.iata) * 20_000)
        self.places[number] = {
            "id": number,
            "entity_id": number * 7,
            "alt_id": port.iata,
            "parent_id": number + 1,
            "parent_entity_id": number * 7 + 1,
            "name": port.name,
            "type": "Airport",
            "display_code": port.iata,
        }
        return number

    def carrier(self, carrier: Carrier) -> int:
        """Add a carrier unless it is listed; return its id, a negative number."""
        number = -30_000 - int(fraction("carrier", carrier.iata) * 3_000)
        self.carriers[number] = _carrier(number, carrier.name, carrier.iata)
        return number

    def add(self, flights: Flights) -> None:
        """Add an itinerary of these flights."""
        leg, ids, carrier = self._leg(flights)
        price = self._price(flights) + self.surcharge
        self.itineraries.append(_itinerary([leg], ids, price, carrier, unpriced=self.unpriced))

    def add_both(self, out: Flights, back: Flights) -> None:
        """Add a round trip with one price, 10 % below the sum of both directions."""
        (leg, ids, carrier), (other, others, _) = self._leg(out), self._leg(back)
        price = round(0.9 * self._price([*out, *back]), 2) + self.surcharge
        row = _itinerary([leg, other], [*ids, *others], price, carrier, unpriced=self.unpriced)
        self.itineraries.append(row)

    def _leg(self, flights: Flights) -> tuple[str, list[str], int]:
        """Add a leg; return its id, its segments' ids and its first carrier's id."""
        ids = [self._segment(flight, day) for flight, day in flights]
        (first, leaves_on), (last, arrives_of) = flights[0], flights[-1]
        leaves, arrives = first.leaves(leaves_on), last.arrives(arrives_of)
        origin, destination = self.place(first.origin), self.place(last.destination)
        carriers = [self.carrier(flight.carrier) for flight, _ in flights]
        stops = len(flights) - 1
        leg = f"{origin}-{leaves:%y%m%d%H%M}--{'-'.join(map(str, carriers))}-{stops}"
        leg += f"-{destination}-{arrives:%y%m%d%H%M}"
        self.legs.append(
            {
                "id": leg,
                "origin_place_id": origin,
                "destination_place_id": destination,
                "departure": _naive(leaves),
                "arrival": _naive(arrives),
                "segment_ids": ids,
                "duration": int((arrives - leaves).total_seconds() // 60),
                "stop_count": stops,
                "marketing_carrier_ids": carriers,
                "operating_carrier_ids": carriers,
                "stop_ids": [[self.place(flight.destination) for flight, _ in flights[:-1]]],
            }
        )
        return leg, ids, carriers[0]

    def _segment(self, flight: Flight, day: date) -> str:
        origin, destination = self.place(flight.origin), self.place(flight.destination)
        carrier = self.carrier(flight.carrier)
        name = f"{origin}-{destination}-{flight.leaves(day):%y%m%d%H%M}-{carrier}"
        self.segments.append(
            {
                "id": name,
                "origin_place_id": origin,
                "destination_place_id": destination,
                "departure": _naive(flight.leaves(day)),
                "arrival": _naive(flight.arrives(day)),
                "duration": int(flight.block.total_seconds() // 60),
                "marketing_flight_number": str(flight.number),
                "marketing_carrier_id": carrier,
                "operating_carrier_id": carrier,
                # Newer responses use the longer form.
                **({"mode": "flight"} if flight.number % 2 else {"transport_mode": "TRANSPORT_MODE_FLIGHT"}),
            }
        )
        return name

    def _price(self, flights: Flights) -> float:
        """Return the price for all passengers, in the currency of the request."""
        hours = sum(flight.block.total_seconds() / 3600 for flight, _ in flights)
        economy = 30 + hours * 700 * PER_KM.get(self.request.currency, 0.09)
        share = 0.8 + 0.4 * fraction(self.request.day, self.request.origin, self.request.destination)
        return round(economy * CABINS[self.request.cabin] * share * self.request.party, 2)

    def add_non_flights(self, world: World) -> None:
        """Add a flight of a test carrier and a train, which the vendor's responses sometimes contain."""
        flight = world.by_pair[self.request.origin, self.request.destination][0]
        self.carriers[DUFFEL] = _carrier(DUFFEL, "Duffel Airways", "DUFFEL")
        carriers = {"marketing_carrier_id": DUFFEL, "operating_carrier_id": DUFFEL}
        self._add_changed(flight, "test", carriers | {"marketing_flight_number": "4711"})
        self._add_changed(flight, "train", {"mode": "train"})

    def _add_changed(self, flight: Flight, kind: str, changes: Row) -> None:
        self.add([(flight, self.request.day)])
        if "mode" in changes:
            self.segments[-1].pop("transport_mode", None)
        segment, leg = f"{self.segments[-1]['id']}-{kind}", f"{kind}-leg"
        self.segments[-1] |= {"id": segment, **changes}
        self.legs[-1] |= {"id": leg, "segment_ids": [segment]}
        self.itineraries[-1] |= {"id": leg, "leg_ids": [leg]}

    def body(self) -> Row:
        """Return the complete response."""
        request = self.request
        ways = [request, request.way_back] if request.back else [request]
        return {
            "query": {
                "market": "US",
                "currency": request.currency,
                "locale": "en-GB",
                "adults": request.adults,
                "child_ages": [],
                "cabin_class": request.cabin.upper(),
                "legs": [_query_leg(way) for way in ways],
                "children": request.children,
                "infants": request.infants,
            },
            "context": {"request_id": "request", "session_id": "session"},
            "itineraries": self.itineraries,
            "legs": _once(self.legs),
            "segments": _once(self.segments),
            "places": list(self.places.values()),
            "carriers": list(self.carriers.values()),
            "agents": list(AGENTS),
        }


def trips(
    world: World, request: TripRequest, *, repeats: int, unpriced: bool = False, dearer: bool = False
) -> Row:
    """Return the response to a search. If `dearer`, each of `repeats` equal requests before it adds 10."""
    response = TripResponse(request, 10 * repeats if dearer else 0, unpriced)
    if request.back:
        both = product(_ways(world, request), _ways(world, request.way_back))
        for out, back in islice(both, MOST_ROUND_TRIPS):
            if back[0][0].leaves(back[0][1]) > out[-1][0].arrives(out[-1][1]):
                response.add_both(out, back)
        return response.body()
    for way in _ways(world, request):
        response.add(way)
    if (request.origin, request.destination) in world.by_pair:
        response.add_non_flights(world)
    return response.body()


def _ways(world: World, request: TripRequest) -> list[Flights]:
    flights = world.by_pair.get((request.origin, request.destination), ())
    return [*([(flight, request.day)] for flight in flights), *islice(_connections(world, request), 4)]


def _query_leg(way: TripRequest) -> Row:
    ends = {"origin": way.origin, "alternative_origins": [], "destination": way.destination}
    return ends | {"alternative_destinations": [], "date": way.day.isoformat()}


def _carrier(number: int, name: str, code: str) -> Row:
    row = {"id": number, "name": name, "alt_id": code, "display_code": code}
    return row | {"display_code_type": "IATA", "alliance": 0}


def _once(rows: list[Row]) -> list[Row]:
    return list({row["id"]: row for row in rows}.values())


def _connections(world: World, request: TripRequest) -> Iterable[list[tuple[Flight, date]]]:
    for hub in ("DXB", "FRA", "DEL", "LHR"):
        for first in world.by_pair.get((request.origin, hub), ())[:1]:
            for second in world.by_pair.get((hub, request.destination), ()):
                lands = first.arrives(request.day)
                for day in (lands.date(), lands.date() + timedelta(days=1)):
                    if SHORTEST_CONNECTION <= second.leaves(day) - lands <= LONGEST_CONNECTION:
                        yield [(first, request.day), (second, day)]


def _itinerary(legs: list[str], segments: list[str], amount: float, carrier: int, *, unpriced: bool) -> Row:
    seen = {"update_status": "current", "last_updated": "2026-11-23T04:03:07", "quote_age": 30}
    prices = [{"amount": amount, **seen}, {"amount": round(amount * 1.06, 2), **seen}]
    agents = () if unpriced else zip(AGENTS, prices, strict=True)
    priced = [_option(agent["id"], price, segments, carrier) for agent, price in agents]
    pending = {"update_status": "pending", "quote_age": 0}
    without_seller = _option("none", pending, segments, carrier) | {"unpriced_type": "partner_not_selected"}
    return {
        "id": "|".join(legs),
        "itinerary_token": "token",
        "leg_ids": legs,
        "pricing_options": [without_seller, *priced],
        "score": 1.0,
        "cheapest_price": prices[0] if priced else {},
        "pricing_options_count": 1 + len(priced),
        "has_linked_pricing_options": False,
    }


def _option(agent: object, price: Row, segments: list[str], carrier: int) -> Row:
    item = {
        "agent_id": agent,
        "url": f"/transport_deeplink/4.0/US/en-GB/USD/{agent}/1/0/",
        "segment_ids": segments,
        "price": price,
        "booking_proposition": "PBOOK",
        "transfer_protection": "",
        "max_redirect_age": 0,
        "fares": [{"segment_id": segment, **NO_FARE} for segment in segments],
        "opaque_id": "",
        "booking_metadata": {"metadata_set": "", "signature": ""},
        "ticket_attributes": [],
        "flight_attributes": [],
        "discount_category": "",
        "marketing_carrier_ids": [carrier],
    }
    return {
        "id": f"option-{agent}",
        "agent_ids": [agent],
        "price": price,
        "unpriced_type": "",
        "items": [item],
        "transfer_type": "MANAGED",
        "score": 1.0,
        "pricing_option_fare": NO_BRAND,
        "pricing_option_fare_type": "BASE_FARE",
    }


def _naive(local: datetime) -> str:
    return local.replace(tzinfo=None).isoformat(timespec="seconds")
