"""Conversion of search requests to queries."""

from __future__ import annotations

from datetime import time
from itertools import pairwise
from typing import Literal

from google.type.timeofday_pb2 import TimeOfDay
from readback.flightdata.v1 import flight_status_pb2, flightdata_service_pb2, flights_pb2, places_pb2

from mesh.errors import FieldViolation, InvalidRequest
from services.flightdata.model.fares import Cabin
from services.flightdata.model.queries import (
    DEFAULT_RESULTS,
    Filters,
    Party,
    SearchLeg,
    SearchQuery,
    Sort,
    Window,
)
from services.flightdata.places import Kind
from services.flightdata.wire.values import date_from, time_from

MOST_PASSENGERS = 9
_WindowField = Literal[
    "departure_time_from", "departure_time_before", "arrival_time_from", "arrival_time_before"
]
SORTS = {
    flights_pb2.FLIGHT_SORT_UNSPECIFIED: Sort.EARLIEST,
    flights_pb2.FLIGHT_SORT_EARLIEST: Sort.EARLIEST,
    flights_pb2.FLIGHT_SORT_CHEAPEST: Sort.CHEAPEST,
    flights_pb2.FLIGHT_SORT_FASTEST: Sort.FASTEST,
    flights_pb2.FLIGHT_SORT_LATEST: Sort.LATEST,
    flights_pb2.FLIGHT_SORT_ARRIVAL: Sort.ARRIVAL,
    flights_pb2.FLIGHT_SORT_BEST: Sort.BEST,
}
KINDS = {places_pb2.PLACE_KIND_AIRPORT: Kind.AIRPORT, places_pb2.PLACE_KIND_METRO: Kind.METRO}
CABINS = {
    flights_pb2.CABIN_ECONOMY: Cabin.ECONOMY,
    flights_pb2.CABIN_PREMIUM_ECONOMY: Cabin.PREMIUM_ECONOMY,
    flights_pb2.CABIN_BUSINESS: Cabin.BUSINESS,
    flights_pb2.CABIN_FIRST: Cabin.FIRST,
}


def kinds_of(
    request: flight_status_pb2.ListRouteFlightStatusesRequest | flightdata_service_pb2.GetRouteRequest,
) -> tuple[Kind | None, Kind | None]:
    """Return the kinds of the origin and the destination of a route; None if the caller gave none."""
    return KINDS.get(request.origin_kind), KINDS.get(request.destination_kind)


def query_from(request: flights_pb2.SearchFlightsRequest) -> SearchQuery:
    """Parse a search request.

    Raises:
        InvalidDate: a date doesn't exist.
        InvalidRequest: a time of day doesn't exist, the party is too large or has too many infants, or a leg
            departs before the previous leg.
    """
    return SearchQuery(
        legs=_legs(request),
        sort=_sort(request),
        cabin=CABINS.get(request.cabin, Cabin.ECONOMY),
        party=_party(request),
        limit=request.max_results or DEFAULT_RESULTS,
        bags=request.bags,
    )


def _sort(request: flights_pb2.SearchFlightsRequest) -> Sort:
    """Return the requested order. If none is requested and the days are flexible, sort by price."""
    flexible = any(leg.flexible_days for leg in request.legs)
    if request.sort == flights_pb2.FLIGHT_SORT_UNSPECIFIED and flexible:
        return Sort.CHEAPEST
    return SORTS[request.sort]


def _legs(request: flights_pb2.SearchFlightsRequest) -> tuple[SearchLeg, ...]:
    legs = tuple(_leg(leg, f"legs[{index}].") for index, leg in enumerate(request.legs))
    for index, (earlier, later) in enumerate(pairwise(legs), start=1):
        if later.date < earlier.date:
            field = f"legs[{index}].departure_date"
            raise InvalidRequest([FieldViolation(field, "is before the date of the previous leg")])
    return legs


def _leg(leg: flights_pb2.SearchLeg, path: str) -> SearchLeg:
    return SearchLeg(
        origin=leg.origin,
        destination=leg.destination,
        date=date_from(leg.departure_date),
        filters=_filters(leg, path),
        flexible=leg.flexible_days,
        via=leg.via,
        nearby=leg.include_nearby_airports,
        origin_kind=KINDS.get(leg.origin_kind),
        destination_kind=KINDS.get(leg.destination_kind),
        via_kind=KINDS.get(leg.via_kind),
    )


def _filters(leg: flights_pb2.SearchLeg, path: str) -> Filters:
    return Filters(
        departs=Window(_start(leg, "departure_time_from", path), _end(leg, "departure_time_before", path)),
        arrives=Window(_start(leg, "arrival_time_from", path), _end(leg, "arrival_time_before", path)),
        max_stops=leg.max_stops if leg.HasField("max_stops") else None,
        carriers=frozenset(leg.carrier_codes),
        without_carriers=frozenset(leg.excluded_carrier_codes),
    )


def _party(request: flights_pb2.SearchFlightsRequest) -> Party:
    adults = request.adults if request.HasField("adults") else 1
    party = Party(adults, request.children, request.infants)
    if party.size > MOST_PASSENGERS:
        problem = f"with children and infants, at most {MOST_PASSENGERS} can travel together"
        raise InvalidRequest([FieldViolation("adults", problem)])
    if party.infants > party.adults:
        raise InvalidRequest([FieldViolation("infants", "must not outnumber the adults")])
    return party


def _start(leg: flights_pb2.SearchLeg, field: _WindowField, path: str) -> time | None:
    return time_from(getattr(leg, field), path + field) if leg.HasField(field) else None


def _end(leg: flights_pb2.SearchLeg, field: _WindowField, path: str) -> time | None:
    """Return the end of a window. 24:00, which `google.type.TimeOfDay` allows, means no end."""
    return None if getattr(leg, field) == TimeOfDay(hours=24) else _start(leg, field, path)
