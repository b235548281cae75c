"""Flights between the contract's messages and the domain's records."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal

from google.protobuf.duration_pb2 import Duration
from google.protobuf.timestamp_pb2 import Timestamp
from google.type.date_pb2 import Date
from google.type.money_pb2 import Money as MoneyMessage
from google.type.timeofday_pb2 import TimeOfDay
from readback.flightdata.v1 import flightdata_service_pb2 as pb

from mesh.errors import FieldViolation, InvalidRequest
from services.flightdata.errors import DateInvalid
from services.flightdata.flights import Cabin, Fare, Filters, FlightStatus, Itinerary, Money, Provenance, Segment, Sort, State, Stop
from services.flightdata.searching import DEFAULT_RESULTS, Done, Progress, Results, SearchEvent, SearchQuery

NANOS = 1_000_000_000
_SORTS = {
    pb.FLIGHT_SORT_UNSPECIFIED: Sort.EARLIEST,
    pb.FLIGHT_SORT_EARLIEST: Sort.EARLIEST,
    pb.FLIGHT_SORT_CHEAPEST: Sort.CHEAPEST,
    pb.FLIGHT_SORT_FASTEST: Sort.FASTEST,
    pb.FLIGHT_SORT_LATEST: Sort.LATEST,
}
_CABINS = {
    pb.CABIN_ECONOMY: Cabin.ECONOMY,
    pb.CABIN_PREMIUM_ECONOMY: Cabin.PREMIUM_ECONOMY,
    pb.CABIN_BUSINESS: Cabin.BUSINESS,
    pb.CABIN_FIRST: Cabin.FIRST,
}
_CABIN_VALUES = {cabin: value for value, cabin in _CABINS.items()}
_STATES = {
    State.SCHEDULED: pb.FLIGHT_STATE_SCHEDULED,
    State.ON_TIME: pb.FLIGHT_STATE_ON_TIME,
    State.DELAYED: pb.FLIGHT_STATE_DELAYED,
    State.EN_ROUTE: pb.FLIGHT_STATE_EN_ROUTE,
    State.LANDED: pb.FLIGHT_STATE_LANDED,
    State.CANCELLED: pb.FLIGHT_STATE_CANCELLED,
}


def day_from(message: Date) -> date:
    """A day of the calendar. Raises `DateInvalid`, also for a date without its year or day."""
    try:
        return date(message.year, message.month, message.day)
    except ValueError:
        raise DateInvalid from None


def query_from(request: pb.SearchFlightsRequest) -> SearchQuery:
    """What a request looks for.

    Raises:
        DateInvalid: the day is none.
        InvalidRequest: a time of day is none.
    """
    filters = Filters(
        depart_from=_time(request.depart_from, "depart_from") if request.HasField("depart_from") else None,
        depart_until=_end(request.depart_until, "depart_until") if request.HasField("depart_until") else None,
        nonstop=request.nonstop,
        carrier=request.carrier_code,
    )
    return SearchQuery(
        origin=request.origin,
        destination=request.destination,
        date=day_from(request.depart_date),
        filters=filters,
        sort=_SORTS[request.sort],
        cabin=_CABINS.get(request.cabin, Cabin.ECONOMY),
        passengers=request.passengers or 1,
        limit=request.max_results or DEFAULT_RESULTS,
    )


def _time(message: TimeOfDay, field: str) -> time:
    try:
        return time(message.hours, message.minutes, message.seconds, message.nanos // 1000)
    except ValueError:
        raise InvalidRequest([FieldViolation(field, "is not a time of day")]) from None


def _end(message: TimeOfDay, field: str) -> time | None:
    """The end of a window; 24:00 leaves it open, as google.type.TimeOfDay allows for closing times."""
    if message.hours == 24 and not (message.minutes or message.seconds or message.nanos):
        return None
    return _time(message, field)


def event(of: SearchEvent) -> pb.SearchFlightsResponse:
    """One message of a search."""
    match of:
        case Progress():
            return pb.SearchFlightsResponse(progress=pb.SearchProgress(provider=of.provider, finished=of.finished))
        case Results():
            return pb.SearchFlightsResponse(results=pb.SearchResults(itineraries=[itinerary(i) for i in of.itineraries]))
        case Done():
            outcome = pb.SEARCH_OUTCOME_FOUND if of.total else pb.SEARCH_OUTCOME_EMPTY
            done = pb.SearchDone(
                outcome=outcome, total=of.total, provenance=provenance(of.provenance), total_unfiltered=of.total_unfiltered
            )
            return pb.SearchFlightsResponse(done=done)


def itinerary(of: Itinerary) -> pb.Itinerary:
    """Flights that fit a request."""
    return pb.Itinerary(
        itinerary_id=of.id,
        segments=[segment(s) for s in of.segments],
        duration=_duration(of.duration),
        fare=_fare(of.fare) if of.fare else None,
        provenance=provenance(of.provenance),
    )


def segment(of: Segment) -> pb.Segment:
    """One flight of one aircraft."""
    return pb.Segment(
        carrier_code=of.carrier_code,
        carrier=of.carrier,
        flight_number=of.flight,
        departure=_stop(of.departure),
        arrival=_stop(of.arrival),
        duration=_duration(of.duration),
    )


def status(of: FlightStatus) -> pb.FlightStatus:
    """How one flight is doing on one day."""
    return pb.FlightStatus(
        flight_number=of.segment.flight,
        carrier=of.segment.carrier,
        depart_date=Date(year=of.depart_date.year, month=of.depart_date.month, day=of.depart_date.day),
        state=_STATES[of.state],
        scheduled_departure=_stop(of.segment.departure),
        scheduled_arrival=_stop(of.segment.arrival),
        estimated_departure_time=_timestamp(of.estimated_departure) if of.estimated_departure else None,
        estimated_arrival_time=_timestamp(of.estimated_arrival) if of.estimated_arrival else None,
        delay_minutes=int(of.delay.total_seconds() // 60),
        provenance=provenance(of.provenance),
    )


def provenance(of: Provenance) -> pb.Provenance:
    """Who said so and when."""
    return pb.Provenance(provider=of.provider, fetch_time=_timestamp(of.fetched), cached=of.cached, sample=of.sample)


def _stop(of: Stop) -> pb.Stop:
    return pb.Stop(airport_code=of.airport, city=of.city, time=_timestamp(of.time), time_zone=of.zone, terminal=of.terminal)


def _fare(of: Fare) -> pb.Fare:
    return pb.Fare(total=_money(of.total), per_passenger=_money(of.per_passenger), cabin=_CABIN_VALUES[of.cabin])


def _money(of: Money) -> MoneyMessage:
    units = int(of.amount)
    return MoneyMessage(currency_code=of.currency, units=units, nanos=int((of.amount - Decimal(units)) * NANOS))


def _timestamp(instant: datetime) -> Timestamp:
    message = Timestamp()
    message.FromDatetime(instant.astimezone(UTC))
    return message


def _duration(length: timedelta) -> Duration:
    message = Duration()
    message.FromTimedelta(length)
    return message
