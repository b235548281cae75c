"""The sample timetable as a provider of flights."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

from mesh.clock import Clock
from services.flightdata.errors import DateBeyondHorizon, FlightNotFound
from services.flightdata.flights import FlightStatus, Itinerary, Segment, State, Stop
from services.flightdata.geography import distance_km
from services.flightdata.horizon import LAST_DAY_AHEAD
from services.flightdata.instants import Instant
from services.flightdata.places.lexicon import Lexicon
from services.flightdata.provenance import Provenance
from services.flightdata.provider_errors import ProviderRestricted
from services.flightdata.providers import Capability, Direction, Found
from services.flightdata.queries import FlightQuery
from services.flightdata.sample import delays, fares, tables
from services.flightdata.sample.schedule import Departure, Planned, Schedule

NAME = "sample-timetable"
REMEMBERED_DAYS = 7
"""How long ago a flight's status can be asked for."""
_FLIGHT = re.compile(r"([A-Z0-9]{2})([0-9]{1,4})")


class SampleTimetable:
    """A `FlightProvider` that invents flights, the same ones on every machine for a seed."""

    name = NAME
    is_sample = True

    def __init__(self, lexicon: Lexicon, clock: Clock, seed: str, schedule: Schedule | None = None) -> None:
        self._lexicon = lexicon
        self._clock = clock
        self._seed = seed
        self.schedule = schedule or Schedule(lexicon, seed)

    def capabilities(self) -> frozenset[Capability]:
        """Whatever can be worked out from a timetable."""
        return frozenset({Capability.SEARCH, Capability.STATUS, Capability.ROUTE_STATUS})

    def cost(self, capability: Capability) -> int:  # noqa: ARG002 -- the protocol's; inventing is free
        """Nothing."""
        return 0

    async def search(self, query: FlightQuery) -> Found:
        """Flights on a day that still leave and that sell the cabin, with an indication of their price and no offers."""
        now = self._clock.now()
        return Found([found for origin, destination in query.pairs for found in self._pair(origin, destination, query, now)])

    def _pair(self, origin: str, destination: str, query: FlightQuery, now: datetime) -> Iterator[Itinerary]:
        kilometres = distance_km(self._lexicon.airport(origin), self._lexicon.airport(destination))
        for departure in self.schedule.departures(origin, destination, query.date):
            if fares.sold(departure.planned.line.carrier, query.cabin, kilometres) and self._still_leaves(departure, now):
                yield self._itinerary(departure, query, kilometres, now)

    async def route_status(self, origin: str, destination: str, day: date) -> Sequence[FlightStatus]:
        """How the flights between two airports do on a day."""
        departures = self.schedule.departures(origin, destination, day)
        return [self._status(departure) for departure in sorted(departures, key=lambda departure: departure.leaves)]

    async def board(self, airport: str, direction: Direction, day: date) -> Sequence[FlightStatus]:  # noqa: ARG002 -- the protocol's
        """Raises `ProviderRestricted`: the sample has no boards."""
        raise ProviderRestricted(NAME, Capability.BOARD.value)

    async def status(self, flight: str, day: date | None) -> Sequence[FlightStatus]:
        """How a flight is doing. Raises `FlightNotFound` and `DateBeyondHorizon`."""
        planned = self._planned(flight)
        zone = ZoneInfo(self._lexicon.airports[planned.line.origin].zone)
        today = self._clock.now().astimezone(zone).date()
        day = day or today
        self._check_day(planned, day, today)
        return [self._status(self.schedule.departure(planned, day))]

    def _status(self, departure: Departure) -> FlightStatus:
        now = self._clock.now()
        known = delays.known(self._seed, departure, now)
        return FlightStatus(
            segment=self._segment(departure),
            depart_date=departure.day,
            state=known.state,
            estimated_departure=known.estimated_departure,
            estimated_arrival=known.estimated_arrival,
            delay=known.delay,
            provenance=self._provenance(now),
        )

    def _provenance(self, now: datetime) -> Provenance:
        """What every record of the sample carries."""
        return Provenance(NAME, now, sample=True)

    def _planned(self, flight: str) -> Planned:
        match = _FLIGHT.fullmatch(flight)
        planned = self.schedule.planned(match[1], int(match[2])) if match else None
        if planned is None:
            raise FlightNotFound(flight, f"There is no flight {flight} in the sample timetable.")
        return planned

    def _check_day(self, planned: Planned, day: date, today: date) -> None:
        flight = planned.line.flight
        last = today + timedelta(days=LAST_DAY_AHEAD)
        if day > last:
            raise DateBeyondHorizon(last)
        if day < today - timedelta(days=REMEMBERED_DAYS):
            raise FlightNotFound(flight, f"The status of {flight} is known for the last {REMEMBERED_DAYS} days only.")
        if not planned.flies_on(day):
            following = next(day + timedelta(days=ahead) for ahead in range(1, 8) if planned.flies_on(day + timedelta(days=ahead)))
            raise FlightNotFound(
                flight, f"{flight} doesn't fly on {day:%A}, {day:%d %B}; it does on {following:%A}, {following:%d %B}.", next_date=following
            )

    def _still_leaves(self, departure: Departure, now: datetime) -> bool:
        return departure.leaves > now and delays.known(self._seed, departure, now).state is not State.CANCELLED

    def _itinerary(self, departure: Departure, query: FlightQuery, kilometres: float, now: datetime) -> Itinerary:
        origin = self._lexicon.airports[departure.planned.line.origin]
        currency = fares.currency_of(self._lexicon.currencies.get(origin.country_code, ""))
        today = now.astimezone(ZoneInfo(origin.zone)).date()
        return Itinerary(
            id=f"{NAME}:{departure.planned.line.flight}:{departure.day}",
            segments=(self._segment(departure),),
            fare=fares.fare(self._seed, departure, kilometres, currency, query.cabin, query.party.size, today),
            provenance=self._provenance(now),
        )

    def _segment(self, departure: Departure) -> Segment:
        line = departure.planned.line
        origin, destination = self._lexicon.airports[line.origin], self._lexicon.airports[line.destination]
        return Segment(
            carrier_code=line.carrier,
            carrier=tables.carriers()[line.carrier].name,
            flight=line.flight,
            departure=Stop(origin.code, origin.city, Instant.of(departure.leaves, origin.zone)),
            arrival=Stop(destination.code, destination.city, Instant.of(departure.arrives, destination.zone)),
        )
