"""The dialogue's tools and its place annotator, implemented with the flight-data service."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from datetime import date, datetime
from typing import TYPE_CHECKING, TypeVar

import grpc
import structlog
from readback.flightdata.v1 import flight_status_pb2, flights_pb2, places_pb2

from agent.dialogue.tools import (
    DateBeyondHorizon,
    DateInPast,
    FlightNotFound,
    PlaceUnknown,
    SamePlace,
    SearchAnswer,
    ToolError,
    ToolRestricted,
    ToolUnavailable,
    ToolUsedUp,
)
from agent.dialogue.transcript_json import checked, require_stops
from agent.language.flight_times import date_message
from agent.language.found_flight import FoundFlight
from mesh.calling.channel import streaming
from mesh.errors import metadata_of, reason_of

if TYPE_CHECKING:
    from readback.flightdata.v1.flightdata_service_pb2_grpc import FlightDataServiceAsyncStub

_log = structlog.get_logger(__name__)
T = TypeVar("T")

MAX_RESULTS = 12
"""Maximum number of flights per search. All are stored in the transcript, and callers don't need more."""
STREAM_TIMEOUT_SECONDS = 45.0
"""Timeout of a search. A provider may take 40 s; the caller hears "one moment" after the turn's patience."""


class FlightDataPlaces:
    """`PlaceAnnotator` that calls the flight-data service."""

    def __init__(self, stub: FlightDataServiceAsyncStub, *, locale: str = "en-IN") -> None:
        """Use `stub`; `locale` is the BCP 47 tag of the language of texts."""
        self._stub = stub
        self._locale = locale

    async def annotate(self, text: str, *, home_country: str) -> Sequence[places_pb2.PlaceAnnotation]:
        """Return the places that a text names. Raises `ToolUnavailable`."""
        request = places_pb2.AnnotatePlacesRequest(
            text=text, locale=self._locale, home_country_code=home_country
        )
        try:
            response = await self._stub.AnnotatePlaces(request)
        except grpc.aio.AioRpcError as error:
            _log.warning("place lookup failed", code=error.code().name, details=error.details())
            raise ToolUnavailable(error.code().name) from error
        return [annotation for annotation in response.annotations if annotation.candidates]


class FlightDataTools:
    """`Tools` that call the flight-data service. They raise the errors of `Tools`."""

    def __init__(self, stub: FlightDataServiceAsyncStub) -> None:
        """Use `stub`. Its channel must send the caller's delegated token, and must stay open."""
        self._stub = stub

    async def search_flights(self, request: flights_pb2.SearchFlightsRequest) -> SearchAnswer:
        """Search flights, and return the results of the whole stream."""
        return await _or_tool_error(self._search(request))

    async def _search(self, request: flights_pb2.SearchFlightsRequest) -> SearchAnswer:
        flights: dict[str, FoundFlight] = {}
        limited = flights_pb2.SearchFlightsRequest(max_results=MAX_RESULTS)
        limited.MergeFrom(request)
        call = self._stub.SearchFlights(limited, timeout=STREAM_TIMEOUT_SECONDS)
        async with streaming(call) as stream:
            async for response in stream:
                if response.HasField("results"):
                    flights.update(_found(response.results))
                elif response.HasField("done"):
                    return _answer(tuple(flights.values()), response.done)
        raise ToolUnavailable("the search stream ended without a `done` message")

    async def flight_status(
        self, flight_number: str, depart_date: date | None
    ) -> flight_status_pb2.FlightStatus:
        """Return the status of a flight. If it has several legs, return that of the first one."""
        request = flight_status_pb2.GetFlightStatusRequest(
            flight_number=flight_number, date=date_message(depart_date)
        )
        response = await _or_tool_error(self._stub.GetFlightStatus(request))
        return _checked_status(response.status)

    async def route_status(
        self, request: flight_status_pb2.ListRouteStatusRequest
    ) -> Sequence[flight_status_pb2.FlightStatus]:
        """Return the status of each flight of a route."""
        response = await _or_tool_error(self._stub.ListRouteStatus(request))
        return [_checked_status(status) for status in response.statuses]

    async def get_airport(self, code: str) -> places_pb2.Airport:
        """Return an airport."""
        response = await _or_tool_error(self._stub.GetAirport(places_pb2.GetAirportRequest(code=code)))
        return response.airport


async def _or_tool_error(call: Awaitable[T]) -> T:
    try:
        return await call
    except grpc.aio.AioRpcError as error:
        raise tool_error(error) from error


def tool_error(error: grpc.aio.AioRpcError) -> ToolError:
    """Return the dialogue's error for a service error. Unknown reasons become `ToolUnavailable`."""
    reason, metadata = reason_of(error), metadata_of(error)
    if known := _ERRORS.get(reason or ""):
        return known(metadata)
    _log.warning("flight data call failed", code=error.code().name, reason=reason, details=error.details())
    return ToolUnavailable(error.code().name)


def _day(text: str | None) -> date | None:
    return datetime.fromisoformat(text).date() if text else None


_ERRORS: Mapping[str, Callable[[Mapping[str, str]], ToolError]] = {
    "PLACE_NOT_FOUND": lambda metadata: PlaceUnknown(metadata.get("code", "")),
    "SAME_PLACE": lambda metadata: SamePlace(metadata.get("code", "")),
    "DATE_IN_PAST": lambda metadata: DateInPast(_day(metadata.get("today"))),
    "DATE_BEYOND_HORIZON": lambda metadata: DateBeyondHorizon(_day(metadata.get("last_date"))),
    "FLIGHT_NOT_FOUND": lambda metadata: FlightNotFound(metadata.get("flight", "")),
    "FLIGHTS_RESTRICTED": ToolRestricted,
    "FLIGHTS_QUOTA_EXHAUSTED": lambda metadata: ToolUsedUp(_day(metadata.get("until"))),
    "ALLOWANCE_SPENT": lambda _: ToolUsedUp(None),
}


def _checked_status(status: flight_status_pb2.FlightStatus) -> flight_status_pb2.FlightStatus:
    require_stops((status.scheduled_departure, status.scheduled_arrival))
    return status


def _answer(flights: tuple[FoundFlight, ...], done: flights_pb2.SearchDone) -> SearchAnswer:
    outcome = flights_pb2.SearchOutcome.Name(done.outcome).removeprefix("SEARCH_OUTCOME_")
    partial = flights_pb2.SEARCH_LIMIT_PART in done.limits
    return SearchAnswer(outcome, flights, done.total, done.total_unfiltered, done.provenance.sample, partial)


def _found(results: flights_pb2.SearchResults) -> dict[str, FoundFlight]:
    """Return flights by the ids of their itineraries. A search with a return flight returns journeys."""
    by_id = {itinerary.itinerary_id: itinerary for itinerary in results.itineraries}
    if not results.journeys:
        return {
            name: checked(FoundFlight(one, None, _cheapest(results.offers, name)))
            for name, one in by_id.items()
        }
    found = {}
    for journey in results.journeys:
        out, back = journey.itinerary_ids
        there = flights_pb2.Itinerary()
        there.CopyFrom(by_id[out])
        there.ClearField("fare")
        if journey.HasField("fare"):
            there.fare.CopyFrom(journey.fare)
        offer = _cheapest(results.offers, out, back)
        found[f"{out}|{back}"] = checked(FoundFlight(there, by_id[back], offer))
    return found


def _cheapest(
    offers: Iterable[flights_pb2.Offer], itinerary_id: str, return_id: str = ""
) -> flights_pb2.Offer | None:
    """Return the cheapest offer for this outbound and this inbound itinerary; None if there is none."""
    ids = (itinerary_id, return_id)
    matching = [offer for offer in offers if (offer.itinerary_id, offer.return_itinerary_id) == ids]
    return min(matching, key=lambda offer: (offer.fare.total.units, offer.fare.total.nanos), default=None)
