"""What there is to say of a route beyond one day's flights: how far, how long, which zones, and who flies it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from mesh.clock import Clock
from services.flightdata.caching.answer_cache import Answers
from services.flightdata.caching.freshness import Kind
from services.flightdata.errors import FlightsQuotaExhausted, FlightsRestricted, FlightsUnavailable, SamePlace
from services.flightdata.model.flights import FlightStatus, Provenance
from services.flightdata.model.instants import today_in, zone_of
from services.flightdata.places import Airport
from services.flightdata.places.geography import block_minutes, distance_km
from services.flightdata.places.lexicon import Lexicon
from services.flightdata.providers.routing import Answered
from services.flightdata.status.route_flights import flights_between


@dataclass(frozen=True, slots=True)
class RouteCarrier:
    """A carrier that flies a route, with how many flights on the day that was looked at."""

    code: str
    name: str
    flights: int


@dataclass(frozen=True, slots=True)
class Service:
    """Who flies a route without a stop on one day, the most flights first; nobody when `carriers` is empty."""

    day: date
    carriers: Sequence[RouteCarrier]
    provenance: Provenance


@dataclass(frozen=True, slots=True)
class Route:
    """Between the busiest airports of two places. `ahead` is how far the destination's clocks are ahead of the origin's now.

    `service` is None when no provider could tell it.
    """

    origin: Airport
    destination: Airport
    kilometres: float
    block: timedelta
    ahead: timedelta
    service: Service | None


class RouteDesk:
    """Answers for routes."""

    def __init__(self, lexicon: Lexicon, answers: Answers, clock: Clock) -> None:
        self._lexicon = lexicon
        self._answers = answers
        self._clock = clock

    async def route(self, origin: str, destination: str) -> Route:
        """The route between two places.

        Raises:
            PlaceNotFound: a code is nobody's.
            SamePlace: both codes lie in one city.
        """
        leave, go = self._lexicon.place(origin), self._lexicon.place(destination)
        if self._lexicon.metro_of(leave) == self._lexicon.metro_of(go):
            raise SamePlace(leave.code, leave.city)
        here, there = self._lexicon.airport(leave.airports[0]), self._lexicon.airport(go.airports[0])
        now = self._clock.now()
        return Route(
            origin=here,
            destination=there,
            kilometres=distance_km(here, there),
            block=timedelta(minutes=block_minutes(here, there)),
            ahead=offset(there.zone, now) - offset(here.zone, now),
            service=await self._service(here, there, now),
        )

    async def _service(self, here: Airport, there: Airport, now: datetime) -> Service | None:
        """Today's flights as the sign of who flies: no provider has more, and older data would say so in its vintage."""
        day = today_in(here.zone, now)
        events = flights_between(self._answers, here.code, there.code, day, Kind.SCHEDULE, is_today=True)
        try:
            (answer,) = [event async for event in events if isinstance(event, Answered)]
        except (FlightsUnavailable, FlightsQuotaExhausted, FlightsRestricted):
            return None
        said = (
            answer.value[0].provenance
            if answer.value
            else Provenance(answer.provider.name, now, sample=answer.provider.is_sample)
        )
        return Service(day, _carriers(answer.value), said)


def _carriers(flights: Sequence[FlightStatus]) -> list[RouteCarrier]:
    names = {flight.segment.carrier_code: flight.segment.carrier for flight in flights}
    codes = [flight.segment.carrier_code for flight in flights]
    return [
        RouteCarrier(code, names[code], codes.count(code))
        for code in sorted(names, key=lambda code: (-codes.count(code), code))
    ]


def offset(zone: str, now: datetime) -> timedelta:
    """How far a zone is ahead of UTC."""
    return now.astimezone(zone_of(zone)).utcoffset() or timedelta()
