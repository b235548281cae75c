"""What a request of the contract looks for."""

from __future__ import annotations

from datetime import date, time
from functools import lru_cache
from itertools import pairwise

from google.type.timeofday_pb2 import TimeOfDay
from readback.flightdata.v1 import flightdata_service_pb2 as pb

from mesh.errors import FieldViolation, InvalidRequest
from services.flightdata.model.fares import Cabin
from services.flightdata.model.queries import Filters, Party, Sort, Window
from services.flightdata.search.leg_queries import DEFAULT_RESULTS, REMEMBERED, JourneyLeg, SearchQuery
from services.flightdata.wire.values import day_from

MOST_PASSENGERS = 9
SORTS = {
    pb.FLIGHT_SORT_UNSPECIFIED: Sort.EARLIEST,
    pb.FLIGHT_SORT_EARLIEST: Sort.EARLIEST,
    pb.FLIGHT_SORT_CHEAPEST: Sort.CHEAPEST,
    pb.FLIGHT_SORT_FASTEST: Sort.FASTEST,
    pb.FLIGHT_SORT_LATEST: Sort.LATEST,
    pb.FLIGHT_SORT_ARRIVAL: Sort.ARRIVAL,
    pb.FLIGHT_SORT_BEST: Sort.BEST,
}
CABINS = {
    pb.CABIN_ECONOMY: Cabin.ECONOMY,
    pb.CABIN_PREMIUM_ECONOMY: Cabin.PREMIUM_ECONOMY,
    pb.CABIN_BUSINESS: Cabin.BUSINESS,
    pb.CABIN_FIRST: Cabin.FIRST,
}


def query_from(request: pb.SearchFlightsRequest) -> SearchQuery:
    """What a request looks for; one that was made before is not read again.

    Raises:
        DateInvalid: the day is none.
        InvalidRequest: a time of day is none, nobody sells to such a party, or a leg is before the one before it.
    """
    return _read(request.SerializeToString())


@lru_cache(maxsize=REMEMBERED)
def _read(written: bytes) -> SearchQuery:
    request = pb.SearchFlightsRequest.FromString(written)
    day = day_from(request.depart_date)
    return SearchQuery(
        origin=request.origin,
        destination=request.destination,
        date=day,
        filters=_filters(request),
        sort=_sort(request),
        cabin=CABINS.get(request.cabin, Cabin.ECONOMY),
        party=_party(request),
        limit=request.max_results or DEFAULT_RESULTS,
        further=_further(request, day),
        flexible=request.flexible_days,
        nearby=request.nearby_airports,
        bags=request.bags,
        via=request.via,
    )


def _sort(request: pb.SearchFlightsRequest) -> Sort:
    """The order asked for; whoever can fly on several days looks at prices."""
    if request.sort == pb.FLIGHT_SORT_UNSPECIFIED and request.flexible_days:
        return Sort.CHEAPEST
    return SORTS[request.sort]


def _further(request: pb.SearchFlightsRequest, day: date) -> tuple[JourneyLeg, ...]:
    if request.HasField("return_date"):
        if request.further_legs:
            raise InvalidRequest(
                [FieldViolation("return_date", "goes with no further legs; the way back is one of them")]
            )
        legs = [JourneyLeg(request.destination, request.origin, day_from(request.return_date))]
    else:
        legs = [
            JourneyLeg(leg.origin, leg.destination, day_from(leg.depart_date)) for leg in request.further_legs
        ]
    field = "return_date" if request.HasField("return_date") else "further_legs"
    if any(later < earlier for earlier, later in pairwise([day, *(leg.date for leg in legs)])):
        raise InvalidRequest([FieldViolation(field, "is before the leg before it")])
    return tuple(legs)


def _filters(request: pb.SearchFlightsRequest) -> Filters:
    stops = request.max_stops if request.HasField("max_stops") else None
    return Filters(
        departs=Window(
            time_from(request.depart_from, "depart_from") if request.HasField("depart_from") else None,
            _end(request.depart_until, "depart_until") if request.HasField("depart_until") else None,
        ),
        arrives=Window(
            time_from(request.arrive_from, "arrive_from") if request.HasField("arrive_from") else None,
            _end(request.arrive_until, "arrive_until") if request.HasField("arrive_until") else None,
        ),
        max_stops=0 if request.nonstop else stops,
        carriers=frozenset({request.carrier_code, *request.carrier_codes} - {""}),
        without_carriers=frozenset(request.without_carrier_codes),
    )


def _party(request: pb.SearchFlightsRequest) -> Party:
    party = Party(request.passengers or 1, request.children, request.infants)
    if party.size > MOST_PASSENGERS:
        raise InvalidRequest([FieldViolation("passengers", f"more than {MOST_PASSENGERS} travel together")])
    if party.infants > party.adults:
        raise InvalidRequest([FieldViolation("infants", "each travels on the lap of an adult")])
    return party


def time_from(message: TimeOfDay, field: str) -> time:
    """A time of day. Raises `InvalidRequest` for one that no clock shows."""
    try:
        return time(message.hours, message.minutes, message.seconds, message.nanos // 1000)
    except ValueError:
        raise InvalidRequest([FieldViolation(field, "is not a time of day")]) from None


def _end(message: TimeOfDay, field: str) -> time | None:
    """The end of a window; 24:00 leaves it open, as google.type.TimeOfDay allows for closing times."""
    if message.hours == 24 and not (message.minutes or message.seconds or message.nanos):
        return None
    return time_from(message, field)
