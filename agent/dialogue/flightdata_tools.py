"""The dialogue's tools over the flight-data service."""

from __future__ import annotations

from collections.abc import Awaitable, Iterable, Mapping, Sequence
from datetime import date, datetime, time
from typing import TYPE_CHECKING, Any, TypeVar

import grpc
import structlog
from google.protobuf.json_format import MessageToDict
from google.protobuf.message import Message
from google.type.date_pb2 import Date
from google.type.timeofday_pb2 import TimeOfDay
from readback.flightdata.v1 import flightdata_service_pb2 as pb

from agent.dialogue import records
from agent.dialogue.tools import (
    AirportFacts,
    DateBeyondHorizon,
    DateInPast,
    FlightNotFound,
    FlightStatus,
    Itinerary,
    PlaceUnknown,
    RouteStatusRequest,
    SamePlace,
    SearchAnswer,
    SearchFlightsRequest,
    ToolError,
    ToolRestricted,
    ToolUnavailable,
    ToolUsedUp,
)
from mesh.calling.channel import streaming
from mesh.errors import metadata_of, reason_of

if TYPE_CHECKING:
    from readback.flightdata.v1.flightdata_service_pb2_grpc import FlightDataServiceAsyncStub

_log = structlog.get_logger(__name__)
T = TypeVar("T")

MOST_RESULTS = 12
"""More than anybody listens to or looks at; what is found goes into the transcript whole."""
STREAM_TIMEOUT_SECONDS = 45.0
"""A provider may take 40 s; the caller hears "one moment" long before."""


class FlightDataTools:
    """`Tools` over the service's stub, whose channel sends the caller's delegated token."""

    def __init__(self, stub: FlightDataServiceAsyncStub) -> None:
        """`stub` is used as long as its channel is open."""
        self._stub = stub

    async def search_flights(self, request: SearchFlightsRequest) -> SearchAnswer:
        """Reads the stream of results to its end. Raises as `Tools.search_flights`."""
        return await _told(self._search(request))

    async def _search(self, request: SearchFlightsRequest) -> SearchAnswer:
        itineraries: dict[str, Itinerary] = {}
        async with streaming(
            self._stub.SearchFlights(_search_message(request), timeout=STREAM_TIMEOUT_SECONDS)
        ) as stream:
            async for response in stream:
                if response.HasField("results"):
                    itineraries.update(_found(response.results))
                elif response.HasField("done"):
                    return _answer(tuple(itineraries.values()), response.done)
        raise ToolUnavailable("the search broke off")

    async def flight_status(self, flight_number: str, depart_date: date | None) -> FlightStatus:
        """Raises as `Tools.flight_status`."""
        request = pb.GetFlightStatusRequest(
            flight_number=flight_number, date=_date_message(depart_date) if depart_date else None
        )
        response = await _told(self._stub.GetFlightStatus(request))
        return records.flight_status(_json(response.status))

    async def route_status(self, request: RouteStatusRequest) -> Sequence[FlightStatus]:
        """Raises as `Tools.route_status`."""
        asked = pb.ListRouteStatusRequest(
            origin=request.origin,
            destination=request.destination,
            date=_date_message(request.date) if request.date else None,
            near=_time_message(request.near),
            max_results=request.max_results,
        )
        response = await _told(self._stub.ListRouteStatus(asked))
        return [records.flight_status(_json(status)) for status in response.statuses]

    async def get_airport(self, code: str) -> AirportFacts:
        """Raises as `Tools.get_airport`."""
        response = await _told(self._stub.GetAirport(pb.GetAirportRequest(code=code)))
        return records.airport(_json(response.airport))


async def _told(call: Awaitable[T]) -> T:
    """The answer, or the service's error as the dialogue's own."""
    try:
        return await call
    except grpc.aio.AioRpcError as error:
        raise tool_error(error) from error


def tool_error(error: grpc.aio.AioRpcError) -> ToolError:
    """The dialogue's error for the service's, by its reason; what has none of ours is `ToolUnavailable`."""
    reason, metadata = reason_of(error), metadata_of(error)
    match reason:
        case "ERROR_REASON_PLACE_NOT_FOUND":
            return PlaceUnknown(metadata.get("code", ""))
        case "ERROR_REASON_SAME_PLACE":
            return SamePlace(metadata.get("code", ""))
        case "ERROR_REASON_DATE_IN_PAST":
            return DateInPast(_iso_date(metadata.get("today")))
        case "ERROR_REASON_DATE_BEYOND_HORIZON":
            return DateBeyondHorizon(_iso_date(metadata.get("last_date")))
        case "ERROR_REASON_FLIGHT_NOT_FOUND":
            return FlightNotFound(metadata.get("flight", ""))
        case "ERROR_REASON_FLIGHTS_RESTRICTED":
            return ToolRestricted(metadata)
        case "ERROR_REASON_FLIGHTS_QUOTA_EXHAUSTED":
            until = metadata.get("until")
            return ToolUsedUp(datetime.fromisoformat(until).date() if until else None)
    _log.warning("flight data failed", code=error.code().name, reason=reason, details=error.details())
    return ToolUnavailable(error.code().name)


def _iso_date(text: str | None) -> date | None:
    return date.fromisoformat(text) if text else None


def _json(message: Message) -> Mapping[str, Any]:
    plain: Mapping[str, Any] = MessageToDict(message, preserving_proto_field_name=True)
    return plain


def _answer(itineraries: tuple[Itinerary, ...], done: pb.SearchDone) -> SearchAnswer:
    outcome = pb.SearchOutcome.Name(done.outcome).removeprefix("SEARCH_OUTCOME_")
    partial = pb.SEARCH_LIMIT_PART in done.limits
    return SearchAnswer(
        outcome, itineraries, done.total, done.total_unfiltered, done.provenance.sample, partial
    )


def _found(results: pb.SearchResults) -> dict[str, Itinerary]:
    """Itineraries by their ids, or, of a search there and back, the journeys."""
    by_id = {itinerary.itinerary_id: _json(itinerary) for itinerary in results.itineraries}
    if not results.journeys:
        return {
            name: records.itinerary({**data, **_sold(results.offers, name)}) for name, data in by_id.items()
        }
    found: dict[str, Itinerary] = {}
    for journey in results.journeys:
        out, back = journey.itinerary_ids
        fare = _json(journey.fare) if journey.HasField("fare") else None
        found[f"{out}|{back}"] = records.journey(
            {**by_id[out], **_sold(results.offers, out, back)}, by_id[back], fare
        )
    return found


def _sold(offers: Iterable[pb.Offer], itinerary_id: str, return_id: str = "") -> Mapping[str, Any]:
    """The cheapest offer of an itinerary, or of one there and one back, as `{"offer": …}`; nothing when nobody sells it."""
    own = [
        offer
        for offer in offers
        if (offer.itinerary_id, offer.return_itinerary_id) == (itinerary_id, return_id)
    ]
    cheapest = min(own, key=lambda offer: (offer.fare.total.units, offer.fare.total.nanos), default=None)
    return {records.OFFER: _json(cheapest)} if cheapest else {}


def _date_message(day: date) -> Date:
    return Date(year=day.year, month=day.month, day=day.day)


def _time_message(moment: time | None) -> TimeOfDay | None:
    return TimeOfDay(hours=moment.hour, minutes=moment.minute) if moment else None


def _search_message(request: SearchFlightsRequest) -> pb.SearchFlightsRequest:
    return pb.SearchFlightsRequest(
        origin=request.origin,
        destination=request.destination,
        depart_date=_date_message(request.depart_date),
        return_date=_date_message(request.return_date) if request.return_date else None,
        depart_from=_time_message(request.depart_from),
        depart_until=_time_message(request.depart_until),
        arrive_from=_time_message(request.arrive_from),
        arrive_until=_time_message(request.arrive_until),
        nonstop=request.nonstop,
        max_stops=request.max_stops,
        via=request.via,
        carrier_code=request.carrier_code,
        carrier_codes=request.carrier_codes,
        without_carrier_codes=request.without_carrier_codes,
        sort=pb.FlightSort.Value(f"FLIGHT_SORT_{request.sort.upper() or 'UNSPECIFIED'}"),
        cabin=pb.Cabin.Value(f"CABIN_{request.cabin.upper() or 'UNSPECIFIED'}"),
        passengers=request.passengers,
        max_results=MOST_RESULTS,
    )
