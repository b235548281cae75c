"""The provider of sample flights."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from datetime import date, datetime, timedelta

from mesh.clock import Clock
from services.flightdata.errors import DateBeyondHorizon, FlightNotFound
from services.flightdata.model.fares import Fare
from services.flightdata.model.flights import Endpoint, FlightStatus, Itinerary, Provenance, Segment, State
from services.flightdata.model.horizon import LAST_DAY_AHEAD
from services.flightdata.model.instants import Instant, today_in
from services.flightdata.model.queries import FlightQuery
from services.flightdata.model.search_results import Found, Limit, Offer
from services.flightdata.places.lexicon import Lexicon
from services.flightdata.providers.errors import ProviderRestricted
from services.flightdata.providers.protocol import Capability, Direction
from services.flightdata.sample import delays, fares, tables
from services.flightdata.sample.schedule import Departure, Planned, Schedule
from services.flightdata.sample.transfers import Transfers

NAME = "sample-timetable"
REMEMBERED_DAYS = 7
"""Number of past days for which the status of flights is known."""
ENOUGH_NONSTOP = 4
"""Number of nonstop flights that is enough to skip the search for connections."""
SELLER = "sandbox"
"""Seller of every sample flight: the sandbox of the booking service."""
OFFERED_FOR = timedelta(hours=1)
"""Time for which the price of an offer is valid; longer than searches are cached."""
CONNECTED_PAIRS = 3
"""Maximum number of airport pairs of two cities that are searched for connections."""
_FLIGHT = re.compile(r"([A-Z0-9]{2})([0-9]{1,4})")


class SampleTimetable:
    """A `FlightProvider` with invented flights. The same seed gives the same flights on every machine."""

    name = NAME
    is_sample = True

    def __init__(self, lexicon: Lexicon, clock: Clock, seed: str, schedule: Schedule | None = None) -> None:
        self._lexicon = lexicon
        self._clock = clock
        self._seed = seed
        self.schedule = schedule or Schedule(lexicon, seed)
        self._transfers = Transfers(lexicon, self.schedule)

    def capabilities(self) -> frozenset[Capability]:
        """Return the capabilities of the sample timetable."""
        return frozenset(
            {
                Capability.SEARCH,
                Capability.OFFERS,
                Capability.CONNECTIONS,
                Capability.STATUS,
                Capability.ROUTE_STATUS,
            }
        )

    async def search(self, query: FlightQuery) -> Found:
        """Return flights and connections that haven't departed and that offer the cabin.

        They have a fare and an offer if enough seats are left.
        """
        now = self._clock.now()
        nonstop = {
            pair: [d for d in self.schedule.departures(*pair, query.date) if self._sells((d,), query, now)]
            for pair in query.pairs
        }
        connected, limits = self._connections(query, nonstop, now)
        journeys = [*((departure,) for held in nonstop.values() for departure in held), *connected]
        itineraries = [self._itinerary(journey, query, now) for journey in journeys]
        offers = [_offer(itinerary, itinerary.fare, now) for itinerary in itineraries if itinerary.fare]
        return Found(itineraries, offers, limits)

    def _connections(
        self, query: FlightQuery, nonstop: Mapping[tuple[str, str], Sequence[Departure]], now: datetime
    ) -> tuple[list[tuple[Departure, ...]], frozenset[Limit]]:
        """Return connections between the busiest airports if there are few nonstop flights, or for `via`."""
        few = sum(len(held) for held in nonstop.values()) < ENOUGH_NONSTOP
        if query.max_stops == 0 or not (few or query.via):
            return [], frozenset()
        pairs = query.pairs[:CONNECTED_PAIRS]
        two = query.max_stops is None or query.max_stops > 1
        found = [
            journey
            for pair in pairs
            for journey in self._transfers.connections(
                *pair, query.date, nonstop=nonstop[pair], via=query.via, two=two
            )
            if self._sells(journey, query, now)
        ]
        return found, frozenset({Limit.CONNECTIONS} if len(query.pairs) > len(pairs) else ())

    def _sells(self, journey: Sequence[Departure], query: FlightQuery, now: datetime) -> bool:
        return all(
            fares.sold(d.designator.carrier, query.cabin, self._kilometres(d))
            and self._has_yet_to_depart(d, now)
            for d in journey
        )

    def _kilometres(self, departure: Departure) -> float:
        return self.schedule.kilometres(departure.designator.origin, departure.designator.destination)

    async def route_status(self, origin: str, destination: str, day: date) -> Sequence[FlightStatus]:
        """Return the status of a day's flights between two airports."""
        departures = self.schedule.departures(origin, destination, day)
        return [self._status(departure) for departure in sorted(departures, key=lambda d: d.leaves)]

    async def board(self, airport: str, direction: Direction, day: date) -> Sequence[FlightStatus]:  # noqa: ARG002 -- the protocol's signature
        """Raise `ProviderRestricted`, because the sample timetable has no boards."""
        raise ProviderRestricted(NAME, Capability.BOARD.value)

    async def status(self, flight: str, day: date | None) -> Sequence[FlightStatus]:
        """Return the status of a flight. Raises `FlightNotFound` or `DateBeyondHorizon`."""
        planned = self._planned(flight)
        today = today_in(self._lexicon.airports[planned.designator.origin].zone, self._clock.now())
        day = day or today
        self._check_day(planned, day, today)
        return [self._status(self.schedule.departure(planned, day))]

    def _status(self, departure: Departure) -> FlightStatus:
        now = self._clock.now()
        known = delays.known(self._seed, departure, now)
        return FlightStatus(
            segment=self._segment(departure),
            departure_date=departure.day,
            state=known.state,
            estimated_departure=known.estimated_departure,
            estimated_arrival=known.estimated_arrival,
            actual_departure=known.actual_departure,
            actual_arrival=known.actual_arrival,
            delay=known.delay,
            provenance=self._provenance(now),
        )

    def _provenance(self, now: datetime) -> Provenance:
        return Provenance(NAME, now, sample=True)

    def _planned(self, flight: str) -> Planned:
        match = _FLIGHT.fullmatch(flight)
        planned = self.schedule.planned(match[1], int(match[2])) if match else None
        if planned is None:
            raise FlightNotFound(flight, f"There is no flight {flight} in the sample timetable.")
        return planned

    def _check_day(self, planned: Planned, day: date, today: date) -> None:
        flight = planned.designator.flight
        last = today + timedelta(days=LAST_DAY_AHEAD)
        if day > last:
            raise DateBeyondHorizon(last)
        if day < today - timedelta(days=REMEMBERED_DAYS):
            raise FlightNotFound(
                flight, f"The status of {flight} is known for the last {REMEMBERED_DAYS} days only."
            )
        if not planned.flies_on(day):
            coming = (day + timedelta(days=ahead) for ahead in range(1, 8))
            following = next(other for other in coming if planned.flies_on(other))
            when, then = f"{day:%A}, {day:%d %B}", f"{following:%A}, {following:%d %B}"
            detail = f"{flight} doesn't fly on {when}; it does on {then}."
            raise FlightNotFound(flight, detail, next_date=following)

    def _has_yet_to_depart(self, departure: Departure, now: datetime) -> bool:
        cancelled = delays.known(self._seed, departure, now).state is State.CANCELLED
        return departure.leaves > now and not cancelled

    def _itinerary(self, journey: Sequence[Departure], query: FlightQuery, now: datetime) -> Itinerary:
        """Return an itinerary of one or more flights, without a fare if too few seats are left."""
        origin = self._lexicon.airports[journey[0].designator.origin]
        currency = fares.currency_of(query.currency or self._lexicon.currencies.get(origin.country_code, ""))
        today = today_in(origin.zone, now)
        buyer = fares.Buyer(query.cabin, query.party, query.bags, currency, today)
        left = [fares.seats_left(self._seed, departure, query.cabin, today) for departure in journey]
        seats = [count for count in left if count is not None]
        full = bool(seats) and min(seats) < query.party.seats
        return Itinerary(
            id=":".join((NAME, *(f"{d.designator.flight}:{d.day}" for d in journey))),
            segments=tuple(self._segment(departure) for departure in journey),
            fare=None if full else fares.fare(self._seed, [(d, self._kilometres(d)) for d in journey], buyer),
            provenance=self._provenance(now),
            seats_left=min(seats, default=None),
        )

    def _segment(self, departure: Departure) -> Segment:
        designator = departure.designator
        origin, destination = (
            self._lexicon.airports[designator.origin],
            self._lexicon.airports[designator.destination],
        )
        return Segment(
            carrier_code=designator.carrier,
            carrier=tables.carriers()[designator.carrier].name,
            flight=designator.flight,
            departure=Endpoint(origin.code, origin.city, Instant.of(departure.leaves, origin.zone)),
            arrival=Endpoint(
                destination.code, destination.city, Instant.of(departure.arrives, destination.zone)
            ),
        )


def _offer(itinerary: Itinerary, fare: Fare, now: datetime) -> Offer:
    return Offer(itinerary.id, (itinerary.id,), SELLER, fare, now + OFFERED_FOR, itinerary.provenance)
