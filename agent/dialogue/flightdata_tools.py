"""The dialogue's tools and its place annotator, implemented with the flight-data service."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from datetime import date, datetime
from typing import TYPE_CHECKING, TypeVar

import grpc
import structlog
from readback.conversation.v1 import entry_pb2
from readback.flightdata.v1 import flight_status_pb2, flights_pb2, places_pb2

from agent.dialogue.search_answer import SearchAnswer, require_endpoints, without_dearer_offers
from agent.dialogue.tools import (
    DateBeyondHorizon,
    DateInPast,
    FlightNotFound,
    PlaceUnknown,
    SamePlace,
    ToolError,
    ToolRestricted,
    ToolUnavailable,
    ToolUsedUp,
)
from mesh.calling.channel import streaming
from mesh.errors import info_of, metadata_of, reason_of

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
        results = flights_pb2.SearchResults()
        limited = flights_pb2.SearchFlightsRequest(max_results=MAX_RESULTS)
        limited.MergeFrom(request)
        call = self._stub.SearchFlights(limited, timeout=STREAM_TIMEOUT_SECONDS)
        async with streaming(call) as stream:
            async for response in stream:
                results.MergeFrom(response.results)
                if response.HasField("done"):
                    cheapest = without_dearer_offers(results)
                    finished = entry_pb2.FlightSearchResult(results=cheapest, done=response.done)
                    return SearchAnswer.of(finished)
        raise ToolUnavailable("the search stream ended without a `done` message")

    async def flight_status(
        self, request: flight_status_pb2.GetFlightStatusRequest
    ) -> flight_status_pb2.FlightStatus:
        """Return the status of a flight. If it has several legs, return that of the first one."""
        response = await _or_tool_error(self._stub.GetFlightStatus(request))
        return _checked_status(response.statuses[0])

    async def route_status(
        self, request: flight_status_pb2.ListRouteFlightStatusesRequest
    ) -> Sequence[flight_status_pb2.FlightStatus]:
        """Return the status of each flight of a route."""
        response = await _or_tool_error(self._stub.ListRouteFlightStatuses(request))
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
        failed = known(metadata)
    else:
        code, details = error.code().name, error.details()
        _log.warning("flight data call failed", code=code, reason=reason, details=details)
        failed = ToolUnavailable(code)
    failed.info = info_of(error)
    return failed


def _day(text: str | None) -> date | None:
    return datetime.fromisoformat(text).date() if text else None


_ERRORS: Mapping[str, Callable[[Mapping[str, str]], ToolError]] = {
    "PLACE_NOT_FOUND": lambda metadata: PlaceUnknown(metadata.get("code", "")),
    "SAME_PLACE": lambda metadata: SamePlace(metadata.get("code", "")),
    "DATE_IN_PAST": lambda metadata: DateInPast(_day(metadata.get("today"))),
    "DATE_BEYOND_HORIZON": lambda metadata: DateBeyondHorizon(_day(metadata.get("last_date"))),
    "FLIGHT_NOT_FOUND": lambda metadata: FlightNotFound(metadata.get("flight_number", "")),
    "FLIGHTS_RESTRICTED": ToolRestricted,
    "FLIGHTS_QUOTA_EXHAUSTED": lambda metadata: ToolUsedUp(_day(metadata.get("renew_time"))),
    "ALLOWANCE_EXHAUSTED": lambda _: ToolUsedUp(None),
}


def _checked_status(status: flight_status_pb2.FlightStatus) -> flight_status_pb2.FlightStatus:
    require_endpoints((status.scheduled_departure, status.scheduled_arrival))
    return status
