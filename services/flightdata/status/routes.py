"""Facts about a route: distance, block time, time zones, and the carriers that fly it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from mesh.clock import Clock
from services.flightdata.caching.answer_cache import AnswerCache
from services.flightdata.caching.freshness import Kind
from services.flightdata.errors import FlightsQuotaExhausted, FlightsRestricted, FlightsUnavailable, SamePlace
from services.flightdata.model.flights import FlightStatus, Provenance
from services.flightdata.model.instants import today_in, zone_of
from services.flightdata.places import Airport
from services.flightdata.places.geography import block_minutes, distance_km
from services.flightdata.places.lexicon import Lexicon
from services.flightdata.providers.routing import Answered
from services.flightdata.status.route_status import flights_between


@dataclass(frozen=True, slots=True)
class RouteCarrier:
    """A carrier on a route, with its number of flights on the day."""

    code: str
    name: str
    flights: int


@dataclass(frozen=True, slots=True)
class RouteService:
    """The carriers with nonstop flights on one day, the one with most flights first; empty if there are none."""

    day: date
    carriers: Sequence[RouteCarrier]
    provenance: Provenance


@dataclass(frozen=True, slots=True)
class Route:
    """The route between the busiest airports of two places.

    `ahead` is the current difference of local times, destination minus origin. `service` is None if no
    provider could answer.
    """

    origin: Airport
    destination: Airport
    kilometres: float
    block: timedelta
    ahead: timedelta
    service: RouteService | None


class RouteLookup:
    """Answers requests about routes."""

    def __init__(self, lexicon: Lexicon, cache: AnswerCache, clock: Clock) -> None:
        self._lexicon = lexicon
        self._cache = cache
        self._clock = clock

    async def route(self, origin: str, destination: str) -> Route:
        """Return the route between two places.

        Raises:
            PlaceNotFound: a code is unknown.
            SamePlace: both places are in one city.
        """
        start, end = self._lexicon.place(origin), self._lexicon.place(destination)
        if self._lexicon.metro_of(start) == self._lexicon.metro_of(end):
            raise SamePlace(start.code, start.city)
        leave, arrive = self._lexicon.airport(start.airports[0]), self._lexicon.airport(end.airports[0])
        now = self._clock.now()
        return Route(
            origin=leave,
            destination=arrive,
            kilometres=distance_km(leave, arrive),
            block=timedelta(minutes=block_minutes(leave, arrive)),
            ahead=utc_offset(arrive.zone, now) - utc_offset(leave.zone, now),
            service=await self._service(leave, arrive, now),
        )

    async def _service(self, origin: Airport, destination: Airport, now: datetime) -> RouteService | None:
        """Count today's flights of each carrier: no provider has a summary of a route."""
        day = today_in(origin.zone, now)
        events = flights_between(
            self._cache, origin.code, destination.code, day, Kind.SCHEDULE, is_today=True
        )
        try:
            (answer,) = [event async for event in events if isinstance(event, Answered)]
        except (FlightsUnavailable, FlightsQuotaExhausted, FlightsRestricted):
            return None
        provenance = answer.value[0].provenance if answer.value else answer.provenance
        return RouteService(day, _carriers(answer.value), provenance)


def _carriers(flights: Sequence[FlightStatus]) -> list[RouteCarrier]:
    names = {flight.segment.carrier_code: flight.segment.carrier for flight in flights}
    codes = [flight.segment.carrier_code for flight in flights]
    by_flights = sorted(names, key=lambda code: (-codes.count(code), code))
    return [RouteCarrier(code, names[code], codes.count(code)) for code in by_flights]


def utc_offset(zone: str, now: datetime) -> timedelta:
    """Return how far a zone is ahead of UTC."""
    return now.astimezone(zone_of(zone)).utcoffset() or timedelta()
