"""The RPCs of the flight-data service."""
# ruff: noqa: ARG002 -- gRPC passes a context to every method

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import aclosing
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import grpc
from readback.errors.v1.error_reason_pb2 import ErrorReason
from readback.flightdata.v1 import (
    flight_status_pb2,
    flightdata_service_pb2,
    flightdata_service_pb2_grpc,
    flights_pb2,
    places_pb2,
)

from agent.language import language_for
from mesh.clock import Clock
from mesh.errors import ErrorTable
from mesh.security.authentication import principal_or_none
from mesh.security.source_address import source_address
from services.flightdata import errors, places
from services.flightdata.places.lookup_threads import LookupThreads
from services.flightdata.places.questions import clarifying
from services.flightdata.providers.routing import Progress, ProviderRouter
from services.flightdata.quota.allowances import set_source
from services.flightdata.search.flight_search import FlightSearch
from services.flightdata.search.offers import OfferService
from services.flightdata.status.flight_status import StatusService
from services.flightdata.status.route_status import DEFAULT_STATUSES, RouteStatusService
from services.flightdata.status.routes import RouteLookup
from services.flightdata.status.watch import StatusWatches, Trouble, WatchEvent
from services.flightdata.wire import messages, place_messages
from services.flightdata.wire.ready_messages import ReadyMessages
from services.flightdata.wire.requests import kinds_of, query_from
from services.flightdata.wire.values import date_from, time_from

ERRORS: ErrorTable = {
    places.PlaceNotFound: (grpc.StatusCode.NOT_FOUND, "PLACE_NOT_FOUND"),
    places.PlaceNotRecognised: (grpc.StatusCode.NOT_FOUND, "PLACE_NOT_RECOGNISED"),
    errors.SamePlace: (grpc.StatusCode.INVALID_ARGUMENT, "SAME_PLACE"),
    errors.DateInvalid: (grpc.StatusCode.INVALID_ARGUMENT, "DATE_INVALID"),
    errors.DateInPast: (grpc.StatusCode.FAILED_PRECONDITION, "DATE_IN_PAST"),
    errors.DateBeyondHorizon: (grpc.StatusCode.FAILED_PRECONDITION, "DATE_BEYOND_HORIZON"),
    errors.FlightNotFound: (grpc.StatusCode.NOT_FOUND, "FLIGHT_NOT_FOUND"),
    errors.OfferNotFound: (grpc.StatusCode.NOT_FOUND, "OFFER_NOT_FOUND"),
    errors.OfferExpired: (grpc.StatusCode.FAILED_PRECONDITION, "OFFER_EXPIRED"),
    errors.OfferGone: (grpc.StatusCode.FAILED_PRECONDITION, "OFFER_GONE"),
    errors.FlightsUnavailable: (grpc.StatusCode.UNAVAILABLE, "FLIGHTS_UNAVAILABLE"),
    errors.FlightsQuotaExhausted: (
        grpc.StatusCode.RESOURCE_EXHAUSTED,
        "FLIGHTS_QUOTA_EXHAUSTED",
    ),
    errors.FlightsRestricted: (grpc.StatusCode.FAILED_PRECONDITION, "FLIGHTS_RESTRICTED"),
    errors.AllowanceSpent: (grpc.StatusCode.RESOURCE_EXHAUSTED, "ALLOWANCE_SPENT"),
}

Context = grpc.aio.ServicerContext[Any, Any]
DEFAULT_CANDIDATES = 3


def _caller(context: Context) -> str:
    """Return the customer, or else the network address, on whose behalf an RPC is called."""
    principal = principal_or_none()
    return (principal.customer_id if principal else None) or source_address(context)


@dataclass(eq=False, kw_only=True)
class FlightDataServicer(flightdata_service_pb2_grpc.FlightDataServiceServicer):
    """Implements the RPCs of `flightdata_service.proto`."""

    search: FlightSearch
    status: StatusService
    route_status: RouteStatusService
    watches: StatusWatches
    routes: RouteLookup
    offers: OfferService
    router: ProviderRouter
    clock: Clock
    lookups: LookupThreads
    ready: ReadyMessages = field(default_factory=ReadyMessages)

    async def AnnotatePlaces(
        self, request: places_pb2.AnnotatePlacesRequest, context: Context
    ) -> places_pb2.AnnotatePlacesResponse:
        """Find every place named in a sentence."""
        language = language_for(request.locale)
        found = await self.lookups.run(
            _caller(context),
            partial(places.annotate, request.text, home_country=request.home_country_code),
        )
        return places_pb2.AnnotatePlacesResponse(
            annotations=[place_messages.annotation(a, language) for a in found]
        )

    async def ResolvePlace(
        self, request: places_pb2.ResolvePlaceRequest, context: Context
    ) -> places_pb2.ResolvePlaceResponse:
        """Find the places that a few words may mean."""
        limit = request.max_candidates or DEFAULT_CANDIDATES
        found = await self.lookups.run(
            _caller(context),
            partial(places.resolve, request.query, home_country=request.home_country_code, limit=limit),
        )
        candidates = [place_messages.candidate(c) for c in found.candidates]
        return places_pb2.ResolvePlaceResponse(
            candidates=candidates, margin=found.margin, confident=found.confident, question=clarifying(found)
        )

    async def GetAirport(
        self, request: places_pb2.GetAirportRequest, context: Context
    ) -> places_pb2.GetAirportResponse:
        """Return one airport."""
        airport = place_messages.airport(places.airport(request.code), self.clock.now())
        return places_pb2.GetAirportResponse(airport=airport)

    async def SearchFlights(
        self, request: flights_pb2.SearchFlightsRequest, context: Context
    ) -> AsyncIterator[flights_pb2.SearchFlightsResponse]:
        """Search for flights. Stream progress, then the results, then `SearchDone`."""
        query = query_from(request)
        set_source(partial(source_address, context))
        async for event in self.search.ask(query):
            now = self.clock.now()
            if isinstance(event, Progress):
                yield messages.search_event(event, now)
            elif event.cached:
                for message in self.ready.of(query, event.found, now, partial(self.search.results, event)):
                    yield message
            else:
                for result in self.search.results(event):
                    yield messages.search_event(result, now)

    async def GetFlightStatus(
        self, request: flight_status_pb2.GetFlightStatusRequest, context: Context
    ) -> flight_status_pb2.GetFlightStatusResponse:
        """Return the status of a flight on one day."""
        set_source(partial(source_address, context))
        day = date_from(request.depart_date) if request.HasField("depart_date") else None
        found = await self.status.status(request.flight_number, day)
        now = self.clock.now()
        first, *further = (messages.status(leg, now) for leg in found)
        return flight_status_pb2.GetFlightStatusResponse(status=first, further_legs=further)

    async def ListRouteStatus(
        self, request: flight_status_pb2.ListRouteStatusRequest, context: Context
    ) -> flight_status_pb2.ListRouteStatusResponse:
        """Return the status of the flights between two places on one day."""
        set_source(partial(source_address, context))
        day = date_from(request.depart_date) if request.HasField("depart_date") else None
        near = time_from(request.near, "near") if request.HasField("near") else None
        most = request.max_results or DEFAULT_STATUSES
        found = await self.route_status.statuses(
            request.origin, request.destination, day, near, most=most, kinds=kinds_of(request)
        )
        now = self.clock.now()
        return flight_status_pb2.ListRouteStatusResponse(
            statuses=[messages.status(flight, now) for flight in found]
        )

    async def WatchFlightStatus(
        self, request: flight_status_pb2.WatchFlightStatusRequest, context: Context
    ) -> AsyncIterator[flight_status_pb2.WatchFlightStatusResponse]:
        """Stream the status of a flight now and after every change."""
        set_source(partial(source_address, context))
        day = date_from(request.depart_date) if request.HasField("depart_date") else None
        async with aclosing(self.watches.watch(request.flight_number, day)) as events:
            async for event in events:
                yield self._watch_message(event)

    def _watch_message(self, event: WatchEvent) -> flight_status_pb2.WatchFlightStatusResponse:
        if isinstance(event, Trouble):
            _, reason = ERRORS[type(event.error)]
            trouble = flight_status_pb2.WatchTrouble(
                reason=ErrorReason.Value(f"ERROR_REASON_{reason}"), description=str(event.error)
            )
            return flight_status_pb2.WatchFlightStatusResponse(trouble=trouble)
        return flight_status_pb2.WatchFlightStatusResponse(status=messages.status(event, self.clock.now()))

    async def GetRoute(
        self, request: flightdata_service_pb2.GetRouteRequest, context: Context
    ) -> flightdata_service_pb2.GetRouteResponse:
        """Return the facts about a route."""
        set_source(partial(source_address, context))
        return flightdata_service_pb2.GetRouteResponse(
            route=await self.routes.route(request.origin, request.destination, kinds_of(request))
        )

    async def GetOffer(
        self, request: flights_pb2.GetOfferRequest, context: Context
    ) -> flights_pb2.GetOfferResponse:
        """Return an offer with its current price."""
        set_source(partial(source_address, context))
        now, repriced = self.clock.now(), await self.offers.reprice(request.offer_id)
        return flights_pb2.GetOfferResponse(
            offer=messages.offer(repriced.offer, now),
            itineraries=[messages.itinerary(itinerary, now) for itinerary in repriced.itineraries],
            previous_fare=messages.fare(repriced.previous) if repriced.previous else None,
        )

    async def ListProviders(
        self, request: flightdata_service_pb2.ListProvidersRequest, context: Context
    ) -> flightdata_service_pb2.ListProvidersResponse:
        """Return the providers, in order of preference, with their health."""
        now, health = self.clock.now(), self.router.health
        for provider in self.router.providers:
            await health[provider.name].refresh()
        providers = [messages.provider(p, health[p.name], now) for p in self.router.providers]
        return flightdata_service_pb2.ListProvidersResponse(providers=providers)
