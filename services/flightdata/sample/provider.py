"""The sample timetable as a provider of flights."""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

from mesh.clock import Clock
from services.flightdata.errors import DateBeyondHorizon, FlightNotFound
from services.flightdata.flights import FlightStatus, Itinerary, PairQuery, Provenance, Segment, State, Stop
from services.flightdata.horizon import LAST_DAY_AHEAD
from services.flightdata.places.lexicon import Lexicon
from services.flightdata.sample import delays, fares, tables
from services.flightdata.sample.geography import distance_km
from services.flightdata.sample.schedule import Departure, Planned, Schedule

NAME = "sample-timetable"
REMEMBERED_DAYS = 7
"""How long ago a flight's status can be asked for."""
_FLIGHT = re.compile(r"([A-Z0-9]{2})([0-9]{1,4})")


class SampleTimetable:
    """A `FlightProvider` that invents flights, the same ones on every machine for a seed."""

    name = NAME

    def __init__(self, lexicon: Lexicon, clock: Clock, seed: str, schedule: Schedule | None = None) -> None:
        self._lexicon = lexicon
        self._clock = clock
        self._seed = seed
        self.schedule = schedule or Schedule(lexicon, seed)

    def provenance(self, now: datetime) -> Provenance:
        """What every record of the sample carries."""
        return Provenance(NAME, now.astimezone(UTC), cached=False, sample=True)

    async def search(self, query: PairQuery) -> Sequence[Itinerary]:
        """Flights of a pair on a day that still leave and that sell the cabin."""
        now = self._clock.now()
        origin, destination = self._lexicon.airport(query.origin), self._lexicon.airport(query.destination)
        kilometres = distance_km(origin, destination)
        return [
            self._itinerary(departure, query, kilometres, now)
            for departure in self.schedule.departures(query.origin, query.destination, query.date)
            if fares.sold(departure.planned.line.carrier, query.cabin, kilometres) and self._still_leaves(departure, now)
        ]

    async def status(self, flight: str, day: date | None) -> FlightStatus:
        """How a flight is doing. Raises `FlightNotFound` and `DateBeyondHorizon`."""
        planned = self._planned(flight)
        zone = ZoneInfo(self._lexicon.airports[planned.line.origin].zone)
        today = self._clock.now().astimezone(zone).date()
        day = day or today
        self._check_day(planned, day, today)
        departure, now = self.schedule.departure(planned, day), self._clock.now()
        known = delays.known(self._seed, departure, now)
        return FlightStatus(
            segment=self._segment(departure),
            depart_date=day,
            state=known.state,
            estimated_departure=known.estimated_departure,
            estimated_arrival=known.estimated_arrival,
            delay=known.delay,
            provenance=self.provenance(now),
        )

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

    def _itinerary(self, departure: Departure, query: PairQuery, kilometres: float, now: datetime) -> Itinerary:
        origin = self._lexicon.airports[query.origin]
        currency = fares.currency_of(self._lexicon.currencies.get(origin.country_code, ""))
        today = now.astimezone(ZoneInfo(origin.zone)).date()
        return Itinerary(
            id=f"{NAME}:{departure.planned.line.flight}:{departure.day}",
            segments=(self._segment(departure),),
            fare=fares.fare(self._seed, departure, kilometres, currency, query.cabin, query.passengers, today),
            provenance=self.provenance(now),
        )

    def _segment(self, departure: Departure) -> Segment:
        line = departure.planned.line
        origin, destination = self._lexicon.airports[line.origin], self._lexicon.airports[line.destination]
        return Segment(
            carrier_code=line.carrier,
            carrier=tables.carriers()[line.carrier].name,
            flight=line.flight,
            departure=Stop(origin.code, origin.city, departure.leaves, origin.zone),
            arrival=Stop(destination.code, destination.city, departure.arrives, destination.zone),
        )
