"""The contract of flight data: proto in, proto out."""
# ruff: noqa: ARG002 -- gRPC hands every method a context

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import grpc
from readback.flightdata.v1 import flightdata_service_pb2 as pb
from readback.flightdata.v1 import flightdata_service_pb2_grpc

from mesh.errors import ErrorTable
from services.flightdata import errors, flight_messages, place_messages, places
from services.flightdata.searching import FlightSearch
from services.flightdata.status import StatusDesk

ERRORS: ErrorTable = {
    places.PlaceNotFound: (grpc.StatusCode.NOT_FOUND, "ERROR_REASON_PLACE_NOT_FOUND"),
    places.PlaceNotRecognised: (grpc.StatusCode.NOT_FOUND, "ERROR_REASON_PLACE_NOT_RECOGNISED"),
    errors.SamePlace: (grpc.StatusCode.INVALID_ARGUMENT, "ERROR_REASON_SAME_PLACE"),
    errors.DateInvalid: (grpc.StatusCode.INVALID_ARGUMENT, "ERROR_REASON_DATE_INVALID"),
    errors.DateInPast: (grpc.StatusCode.FAILED_PRECONDITION, "ERROR_REASON_DATE_IN_PAST"),
    errors.DateBeyondHorizon: (grpc.StatusCode.FAILED_PRECONDITION, "ERROR_REASON_DATE_BEYOND_HORIZON"),
    errors.FlightNotFound: (grpc.StatusCode.NOT_FOUND, "ERROR_REASON_FLIGHT_NOT_FOUND"),
}

Context = grpc.aio.ServicerContext[Any, Any]
DEFAULT_CANDIDATES = 3


class FlightDataServicer(flightdata_service_pb2_grpc.FlightDataServiceServicer):
    """See `flightdata_service.proto` for what each RPC promises."""

    def __init__(self, *, search: FlightSearch, status: StatusDesk) -> None:
        self._search = search
        self._status = status

    async def AnnotatePlaces(self, request: pb.AnnotatePlacesRequest, context: Context) -> pb.AnnotatePlacesResponse:
        """Every place named in a sentence."""
        # A long text takes some ten milliseconds: too long for a loop that others share.
        found = await asyncio.to_thread(places.annotate, request.text, home_country=request.home_country_code)
        return pb.AnnotatePlacesResponse(annotations=[place_messages.annotation(a) for a in found])

    async def ResolvePlace(self, request: pb.ResolvePlaceRequest, context: Context) -> pb.ResolvePlaceResponse:
        """The places that a few words may mean."""
        limit = request.max_candidates or DEFAULT_CANDIDATES
        found = await asyncio.to_thread(places.resolve, request.query, home_country=request.home_country_code, limit=limit)
        candidates = [place_messages.candidate(c) for c in found.candidates]
        return pb.ResolvePlaceResponse(candidates=candidates, margin=found.margin, confident=found.confident)

    async def GetAirport(self, request: pb.GetAirportRequest, context: Context) -> pb.GetAirportResponse:
        """One airport."""
        return pb.GetAirportResponse(airport=place_messages.airport(places.airport(request.code)))

    async def SearchFlights(self, request: pb.SearchFlightsRequest, context: Context) -> AsyncIterator[pb.SearchFlightsResponse]:
        """Flights from one place to another on one day."""
        async for event in self._search.search(flight_messages.query_from(request)):
            yield flight_messages.event(event)

    async def GetFlightStatus(self, request: pb.GetFlightStatusRequest, context: Context) -> pb.GetFlightStatusResponse:
        """How one flight is doing on one day."""
        day = flight_messages.day_from(request.date) if request.HasField("date") else None
        return pb.GetFlightStatusResponse(status=flight_messages.status(await self._status.status(request.flight_number, day)))
