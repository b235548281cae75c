"""Conversion of search requests to queries."""

from __future__ import annotations

from datetime import date, time
from itertools import pairwise
from typing import Literal

from google.type.timeofday_pb2 import TimeOfDay
from readback.flightdata.v1 import flights_pb2

from mesh.errors import FieldViolation, InvalidRequest
from services.flightdata.model.fares import Cabin
from services.flightdata.model.queries import (
    DEFAULT_RESULTS,
    Filters,
    JourneyLeg,
    Party,
    SearchQuery,
    Sort,
    Window,
)
from services.flightdata.wire.values import date_from, time_from

MOST_PASSENGERS = 9
_WindowField = Literal["depart_from", "depart_until", "arrive_from", "arrive_until"]
SORTS = {
    flights_pb2.FLIGHT_SORT_UNSPECIFIED: Sort.EARLIEST,
    flights_pb2.FLIGHT_SORT_EARLIEST: Sort.EARLIEST,
    flights_pb2.FLIGHT_SORT_CHEAPEST: Sort.CHEAPEST,
    flights_pb2.FLIGHT_SORT_FASTEST: Sort.FASTEST,
    flights_pb2.FLIGHT_SORT_LATEST: Sort.LATEST,
    flights_pb2.FLIGHT_SORT_ARRIVAL: Sort.ARRIVAL,
    flights_pb2.FLIGHT_SORT_BEST: Sort.BEST,
}
CABINS = {
    flights_pb2.CABIN_ECONOMY: Cabin.ECONOMY,
    flights_pb2.CABIN_PREMIUM_ECONOMY: Cabin.PREMIUM_ECONOMY,
    flights_pb2.CABIN_BUSINESS: Cabin.BUSINESS,
    flights_pb2.CABIN_FIRST: Cabin.FIRST,
}


def query_from(request: flights_pb2.SearchFlightsRequest) -> SearchQuery:
    """Parse a search request.

    Raises:
        DateInvalid: a date doesn't exist.
        InvalidRequest: a time of day doesn't exist, the party is too large or has too many infants, or a leg
            departs before the previous leg.
    """
    day = date_from(request.depart_date)
    return SearchQuery(
        origin=request.origin,
        destination=request.destination,
        date=day,
        filters=_filters(request),
        sort=_sort(request),
        cabin=CABINS.get(request.cabin, Cabin.ECONOMY),
        party=_party(request),
        limit=request.max_results or DEFAULT_RESULTS,
        further=_further_legs(request, day),
        flexible=request.flexible_days,
        nearby=request.nearby_airports,
        bags=request.bags,
        via=request.via,
        cities=frozenset(request.city_codes),
    )


def _sort(request: flights_pb2.SearchFlightsRequest) -> Sort:
    """Return the requested order. If none is requested and the days are flexible, sort by price."""
    if request.sort == flights_pb2.FLIGHT_SORT_UNSPECIFIED and request.flexible_days:
        return Sort.CHEAPEST
    return SORTS[request.sort]


def _further_legs(request: flights_pb2.SearchFlightsRequest, day: date) -> tuple[JourneyLeg, ...]:
    field = "return_date" if request.HasField("return_date") else "further_legs"
    if field == "return_date":
        if request.further_legs:
            problem = "can't be combined with further_legs; add the return leg to further_legs"
            raise InvalidRequest([FieldViolation(field, problem)])
        legs = [JourneyLeg(request.destination, request.origin, date_from(request.return_date))]
    else:
        legs = [
            JourneyLeg(leg.origin, leg.destination, date_from(leg.depart_date))
            for leg in request.further_legs
        ]
    if any(later < earlier for earlier, later in pairwise([day, *(leg.date for leg in legs)])):
        raise InvalidRequest([FieldViolation(field, "is before the date of the previous leg")])
    return tuple(legs)


def _filters(request: flights_pb2.SearchFlightsRequest) -> Filters:
    stops = request.max_stops if request.HasField("max_stops") else None
    return Filters(
        departs=Window(_start(request, "depart_from"), _end(request, "depart_until")),
        arrives=Window(_start(request, "arrive_from"), _end(request, "arrive_until")),
        max_stops=0 if request.nonstop else stops,
        carriers=frozenset({request.carrier_code, *request.carrier_codes} - {""}),
        without_carriers=frozenset(request.without_carrier_codes),
    )


def _party(request: flights_pb2.SearchFlightsRequest) -> Party:
    party = Party(request.passengers or 1, request.children, request.infants)
    if party.size > MOST_PASSENGERS:
        raise InvalidRequest([FieldViolation("passengers", f"at most {MOST_PASSENGERS} can travel together")])
    if party.infants > party.adults:
        raise InvalidRequest([FieldViolation("infants", "must not outnumber the adults")])
    return party


def _start(request: flights_pb2.SearchFlightsRequest, field: _WindowField) -> time | None:
    return time_from(getattr(request, field), field) if request.HasField(field) else None


def _end(request: flights_pb2.SearchFlightsRequest, field: _WindowField) -> time | None:
    """Return the end of a window. 24:00, which `google.type.TimeOfDay` allows, means no end."""
    if getattr(request, field) == TimeOfDay(hours=24):
        return None
    return _start(request, field)
