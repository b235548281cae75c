"""Facts about a route: distance, block time, time zones, and the carriers that fly it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta

from readback.flightdata.v1 import flightdata_service_pb2

from mesh.clock import Clock
from services.flightdata.caching.answer_cache import AnswerCache
from services.flightdata.caching.freshness import Kind
from services.flightdata.errors import (
    AllowanceExhausted,
    FlightsQuotaExhausted,
    FlightsRestricted,
    FlightsUnavailable,
    SamePlace,
)
from services.flightdata.model.flights import FlightStatus
from services.flightdata.model.instants import today_in, zone_of
from services.flightdata.places import Airport
from services.flightdata.places import Kind as PlaceKind
from services.flightdata.places.geography import block_minutes, distance_km
from services.flightdata.places.lexicon import Lexicon
from services.flightdata.providers.routing import Answered
from services.flightdata.status.route_status import flights_between
from services.flightdata.wire import values
from services.flightdata.wire.messages import provenance


class RouteLookup:
    """Answers requests about routes."""

    def __init__(self, lexicon: Lexicon, cache: AnswerCache, clock: Clock) -> None:
        self._lexicon, self._cache, self._clock = lexicon, cache, clock

    async def route(
        self,
        origin: str,
        destination: str,
        kinds: tuple[PlaceKind | None, PlaceKind | None] = (None, None),
    ) -> flightdata_service_pb2.Route:
        """Return the route between the busiest airports of two places of these kinds.

        Raises:
            PlaceNotFound: a code is unknown.
            SamePlace: both places are in one city.
        """
        start, end = map(self._lexicon.meant, (origin, destination), kinds)
        if self._lexicon.metro_of(start) == self._lexicon.metro_of(end):
            raise SamePlace(start.code, start.city)
        leave, arrive = self._lexicon.airport(start.airports[0]), self._lexicon.airport(end.airports[0])
        now = self._clock.now()
        return flightdata_service_pb2.Route(
            origin_airport_code=leave.code,
            destination_airport_code=arrive.code,
            origin_time_zone=leave.zone,
            destination_time_zone=arrive.zone,
            distance_km=round(distance_km(leave, arrive)),
            block_duration=values.duration(timedelta(minutes=block_minutes(leave, arrive))),
            time_difference=values.duration(_utc_offset(arrive.zone, now) - _utc_offset(leave.zone, now)),
            service=await self._service(leave, arrive, now),
        )

    async def _service(
        self, origin: Airport, destination: Airport, now: datetime
    ) -> flightdata_service_pb2.RouteService | None:
        """Return today's nonstop service, counted from single flights; None if no provider can answer.

        No provider offers a summary of a route.
        """
        day = today_in(origin.zone, now)
        events = flights_between(
            self._cache, origin.code, destination.code, day, Kind.SCHEDULE, is_today=True
        )
        try:
            (answer,) = [event async for event in events if isinstance(event, Answered)]
        except (FlightsUnavailable, FlightsQuotaExhausted, FlightsRestricted, AllowanceExhausted):
            return None
        flights: Sequence[FlightStatus] = answer.value
        return flightdata_service_pb2.RouteService(
            departure_date=values.date_message(day),
            nonstop=bool(flights),
            carriers=_carriers(flights),
            provenance=provenance(flights[0].provenance if flights else answer.provenance, now),
        )


def _carriers(flights: Iterable[FlightStatus]) -> list[flightdata_service_pb2.RouteCarrier]:
    """Return each carrier with its number of flights, sorted by that number, highest first."""
    counts = Counter((flight.segment.carrier_code, flight.segment.carrier) for flight in flights)
    ranked = sorted(counts.items(), key=lambda entry: (-entry[1], entry[0]))
    return [
        flightdata_service_pb2.RouteCarrier(carrier_code=code, carrier=name, flight_count=count)
        for (code, name), count in ranked
    ]


def _utc_offset(zone: str, now: datetime) -> timedelta:
    return now.astimezone(zone_of(zone)).utcoffset() or timedelta()
