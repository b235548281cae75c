"""The contract of flight data: proto in, proto out."""
# ruff: noqa: ARG002 -- gRPC hands every method a context

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import aclosing
from typing import Any

import grpc
from readback.flightdata.v1 import flightdata_service_pb2 as pb
from readback.flightdata.v1 import flightdata_service_pb2_grpc

from agent.language import language_for
from mesh.clock import Clock
from mesh.errors import ErrorTable
from services.flightdata import errors, places
from services.flightdata.places.questions import clarifying
from services.flightdata.providers.routing import ProviderRouter
from services.flightdata.search.offers import OfferDesk
from services.flightdata.search.searching import FlightSearch
from services.flightdata.search.written_events import WrittenEvents
from services.flightdata.status.flight_status import StatusDesk
from services.flightdata.status.route_status import DEFAULT_STATUSES, RouteStatusDesk
from services.flightdata.status.routes import RouteDesk
from services.flightdata.status.watch import StatusWatches, Told, Trouble
from services.flightdata.wire import messages as flight_messages
from services.flightdata.wire import place_messages, provider_messages, route_messages
from services.flightdata.wire.requests import query_from, time_from
from services.flightdata.wire.values import day_from

ERRORS: ErrorTable = {
    places.PlaceNotFound: (grpc.StatusCode.NOT_FOUND, "ERROR_REASON_PLACE_NOT_FOUND"),
    places.PlaceNotRecognised: (grpc.StatusCode.NOT_FOUND, "ERROR_REASON_PLACE_NOT_RECOGNISED"),
    errors.SamePlace: (grpc.StatusCode.INVALID_ARGUMENT, "ERROR_REASON_SAME_PLACE"),
    errors.DateInvalid: (grpc.StatusCode.INVALID_ARGUMENT, "ERROR_REASON_DATE_INVALID"),
    errors.DateInPast: (grpc.StatusCode.FAILED_PRECONDITION, "ERROR_REASON_DATE_IN_PAST"),
    errors.DateBeyondHorizon: (grpc.StatusCode.FAILED_PRECONDITION, "ERROR_REASON_DATE_BEYOND_HORIZON"),
    errors.FlightNotFound: (grpc.StatusCode.NOT_FOUND, "ERROR_REASON_FLIGHT_NOT_FOUND"),
    errors.OfferNotFound: (grpc.StatusCode.NOT_FOUND, "ERROR_REASON_OFFER_NOT_FOUND"),
    errors.OfferExpired: (grpc.StatusCode.FAILED_PRECONDITION, "ERROR_REASON_OFFER_EXPIRED"),
    errors.OfferGone: (grpc.StatusCode.FAILED_PRECONDITION, "ERROR_REASON_OFFER_GONE"),
    errors.FlightsUnavailable: (grpc.StatusCode.UNAVAILABLE, "ERROR_REASON_FLIGHTS_UNAVAILABLE"),
    errors.FlightsQuotaExhausted: (
        grpc.StatusCode.RESOURCE_EXHAUSTED,
        "ERROR_REASON_FLIGHTS_QUOTA_EXHAUSTED",
    ),
    errors.FlightsRestricted: (grpc.StatusCode.FAILED_PRECONDITION, "ERROR_REASON_FLIGHTS_RESTRICTED"),
}

Context = grpc.aio.ServicerContext[Any, Any]
DEFAULT_CANDIDATES = 3


class FlightDataServicer(flightdata_service_pb2_grpc.FlightDataServiceServicer):
    """See `flightdata_service.proto` for what each RPC promises."""

    def __init__(
        self,
        *,
        search: FlightSearch,
        status: StatusDesk,
        route_status: RouteStatusDesk,
        watches: StatusWatches,
        routes: RouteDesk,
        offers: OfferDesk,
        router: ProviderRouter,
        clock: Clock,
    ) -> None:
        self._search = search
        self._written = WrittenEvents()
        self._status = status
        self._route_status = route_status
        self._watches = watches
        self._routes = routes
        self._offers = offers
        self._router = router
        self._clock = clock

    async def AnnotatePlaces(
        self, request: pb.AnnotatePlacesRequest, context: Context
    ) -> pb.AnnotatePlacesResponse:
        """Every place named in a sentence."""
        # A long text takes some ten milliseconds: too long for a loop that others share.
        language = language_for(request.locale)
        found = await asyncio.to_thread(places.annotate, request.text, home_country=request.home_country_code)
        return pb.AnnotatePlacesResponse(annotations=[place_messages.annotation(a, language) for a in found])

    async def ResolvePlace(
        self, request: pb.ResolvePlaceRequest, context: Context
    ) -> pb.ResolvePlaceResponse:
        """The places that a few words may mean."""
        limit = request.max_candidates or DEFAULT_CANDIDATES
        found = await asyncio.to_thread(
            places.resolve, request.query, home_country=request.home_country_code, limit=limit
        )
        candidates = [place_messages.candidate(c) for c in found.candidates]
        return pb.ResolvePlaceResponse(
            candidates=candidates, margin=found.margin, confident=found.confident, question=clarifying(found)
        )

    async def GetAirport(self, request: pb.GetAirportRequest, context: Context) -> pb.GetAirportResponse:
        """One airport."""
        return pb.GetAirportResponse(
            airport=place_messages.airport(places.airport(request.code), self._clock.now())
        )

    async def SearchFlights(
        self, request: pb.SearchFlightsRequest, context: Context
    ) -> AsyncIterator[pb.SearchFlightsResponse]:
        """Flights from one place to another on one day."""
        async for event in self._search.search(query_from(request)):
            yield self._written.message(event, self._clock.now())

    async def GetFlightStatus(
        self, request: pb.GetFlightStatusRequest, context: Context
    ) -> pb.GetFlightStatusResponse:
        """How one flight is doing on one day."""
        day = day_from(request.date) if request.HasField("date") else None
        first, *further = await self._status.status(request.flight_number, day)
        now = self._clock.now()
        legs = [flight_messages.status(leg, now) for leg in further]
        return pb.GetFlightStatusResponse(status=flight_messages.status(first, now), further_legs=legs)

    async def ListRouteStatus(
        self, request: pb.ListRouteStatusRequest, context: Context
    ) -> pb.ListRouteStatusResponse:
        """How the flights between two places do on one day."""
        day = day_from(request.date) if request.HasField("date") else None
        near = time_from(request.near, "near") if request.HasField("near") else None
        most = request.max_results or DEFAULT_STATUSES
        found = await self._route_status.statuses(request.origin, request.destination, day, near, most=most)
        now = self._clock.now()
        return pb.ListRouteStatusResponse(statuses=[flight_messages.status(one, now) for one in found])

    async def WatchFlightStatus(
        self, request: pb.WatchFlightStatusRequest, context: Context
    ) -> AsyncIterator[pb.WatchFlightStatusResponse]:
        """How one flight is doing, whenever that changes."""
        day = day_from(request.date) if request.HasField("date") else None
        async with aclosing(self._watches.watch(request.flight_number, day)) as changes:
            async for told in changes:
                yield self._watched(told)

    def _watched(self, told: Told) -> pb.WatchFlightStatusResponse:
        if isinstance(told, Trouble):
            _, reason = ERRORS[type(told.error)]
            return pb.WatchFlightStatusResponse(
                trouble=pb.WatchTrouble(reason=reason, description=str(told.error))
            )
        return pb.WatchFlightStatusResponse(status=flight_messages.status(told, self._clock.now()))

    async def GetRoute(self, request: pb.GetRouteRequest, context: Context) -> pb.GetRouteResponse:
        """What there is to say of a route."""
        found = await self._routes.route(request.origin, request.destination)
        return pb.GetRouteResponse(route=route_messages.route(found, self._clock.now()))

    async def GetOffer(self, request: pb.GetOfferRequest, context: Context) -> pb.GetOfferResponse:
        """An offer as it is now."""
        now, repriced = self._clock.now(), await self._offers.reprice(request.offer_id)
        return pb.GetOfferResponse(
            offer=flight_messages.offer(repriced.offer, now),
            itinerary=flight_messages.itinerary(repriced.itinerary, now),
            previous_fare=flight_messages.fare(repriced.previous) if repriced.previous else None,
            return_itinerary=flight_messages.itinerary(repriced.back, now) if repriced.back else None,
        )

    async def ListProviders(
        self, request: pb.ListProvidersRequest, context: Context
    ) -> pb.ListProvidersResponse:
        """The providers, in the order they are asked."""
        now, health = self._clock.now(), self._router.health
        for provider in self._router.providers:
            await health[provider.name].refresh()
        return pb.ListProvidersResponse(
            providers=[
                provider_messages.provider(provider, health[provider.name], now)
                for provider in self._router.providers
            ]
        )
