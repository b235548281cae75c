"""The RPCs of the flight-data service."""
# ruff: noqa: ARG002 -- gRPC passes a context to every method

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import aclosing
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import grpc
from readback.flightdata.v1 import (
    flight_status_pb2,
    flightdata_service_pb2,
    flightdata_service_pb2_grpc,
    flights_pb2,
    places_pb2,
)

from agent.language import language_for
from mesh.clock import Clock, timestamp
from mesh.contracts.page_tokens import PageSize, PageTokens, listing_of
from mesh.errors import ErrorTable, error_info
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
from services.flightdata.status.route_status import STATUSES, RoutePosition, RouteStatusService
from services.flightdata.status.routes import RouteLookup
from services.flightdata.status.watch import Heartbeat, StatusWatches, Trouble, WatchEvent
from services.flightdata.wire import messages, place_messages
from services.flightdata.wire.ready_messages import ReadyMessages
from services.flightdata.wire.requests import kinds_of, query_from
from services.flightdata.wire.values import date_from, time_from

ERRORS: ErrorTable = {
    places.PlaceNotFound: (grpc.StatusCode.NOT_FOUND, "PLACE_NOT_FOUND"),
    places.PlaceNotRecognised: (grpc.StatusCode.NOT_FOUND, "PLACE_NOT_RECOGNIZED"),
    errors.SamePlace: (grpc.StatusCode.INVALID_ARGUMENT, "SAME_PLACE"),
    errors.InvalidDate: (grpc.StatusCode.INVALID_ARGUMENT, "INVALID_DATE"),
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
    errors.AllowanceExhausted: (grpc.StatusCode.RESOURCE_EXHAUSTED, "ALLOWANCE_EXHAUSTED"),
}

Context = grpc.aio.ServicerContext[Any, Any]
DEFAULT_CANDIDATES = 3
PROVIDERS = PageSize(50, 100)


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
    pages: PageTokens
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
        day = date_from(request.departure_date) if request.HasField("departure_date") else None
        found = await self.status.status(request.flight_number, day)
        now = self.clock.now()
        return flight_status_pb2.GetFlightStatusResponse(
            statuses=[messages.status(each, now) for each in found]
        )

    async def ListRouteFlightStatuses(
        self, request: flight_status_pb2.ListRouteFlightStatusesRequest, context: Context
    ) -> flight_status_pb2.ListRouteFlightStatusesResponse:
        """Return the status of the flights between two places on one day."""
        set_source(partial(source_address, context))
        day = date_from(request.departure_date) if request.HasField("departure_date") else None
        near = time_from(request.near_time, "near_time") if request.HasField("near_time") else None
        scope = listing_of(request)
        token = self.pages.open(request.page_token, scope) if request.page_token else ""
        found = await self.route_status.page(
            request.origin,
            request.destination,
            day,
            near,
            size=STATUSES.of(request.page_size),
            position=RoutePosition.parse(token) if token else None,
            kinds=kinds_of(request),
        )
        now = self.clock.now()
        return flight_status_pb2.ListRouteFlightStatusesResponse(
            statuses=[messages.status(flight, now) for flight in found.statuses],
            next_page_token=self.pages.seal(str(found.following), scope) if found.following else "",
        )

    async def WatchFlightStatus(
        self, request: flight_status_pb2.WatchFlightStatusRequest, context: Context
    ) -> AsyncIterator[flight_status_pb2.WatchFlightStatusResponse]:
        """Stream the status of a flight now and after every change."""
        set_source(partial(source_address, context))
        day = date_from(request.departure_date)
        async with aclosing(self.watches.watch(request.flight_number, day)) as events:
            async for event in events:
                yield self._watch_message(event)

    def _watch_message(self, event: WatchEvent) -> flight_status_pb2.WatchFlightStatusResponse:
        now = self.clock.now()
        if isinstance(event, Heartbeat):
            heartbeat = flight_status_pb2.WatchHeartbeat(server_time=timestamp(now))
            return flight_status_pb2.WatchFlightStatusResponse(heartbeat=heartbeat)
        if isinstance(event, Trouble):
            info = error_info(event.error, ERRORS)
            trouble = flight_status_pb2.WatchTrouble(error=info, message=str(event.error))
            return flight_status_pb2.WatchFlightStatusResponse(trouble=trouble)
        return flight_status_pb2.WatchFlightStatusResponse(status=messages.status(event, now))

    async def GetRoute(
        self, request: flightdata_service_pb2.GetRouteRequest, context: Context
    ) -> flightdata_service_pb2.GetRouteResponse:
        """Return the facts about a route."""
        set_source(partial(source_address, context))
        return flightdata_service_pb2.GetRouteResponse(
            route=await self.routes.route(request.origin, request.destination, kinds_of(request))
        )

    async def RepriceOffer(
        self, request: flights_pb2.RepriceOfferRequest, context: Context
    ) -> flights_pb2.RepriceOfferResponse:
        """Return an offer with its current price."""
        set_source(partial(source_address, context))
        now, repriced = self.clock.now(), await self.offers.reprice(request.offer_id)
        return flights_pb2.RepriceOfferResponse(
            offer=messages.offer(repriced.offer, now),
            itineraries=[messages.itinerary(itinerary, now) for itinerary in repriced.itineraries],
            previous_fare=messages.fare(repriced.previous) if repriced.previous else None,
            adults=repriced.party.adults,
            children=repriced.party.children,
            infants=repriced.party.infants,
        )

    async def ListProviders(
        self, request: flightdata_service_pb2.ListProvidersRequest, context: Context
    ) -> flightdata_service_pb2.ListProvidersResponse:
        """Return the providers, in order of preference, with their health."""
        now, health, scope = self.clock.now(), self.router.health, listing_of(request)
        start = int(self.pages.open(request.page_token, scope)) if request.page_token else 0
        end = start + PROVIDERS.of(request.page_size)
        on_page = self.router.providers[start:end]
        for provider in on_page:
            await health[provider.name].refresh()
        return flightdata_service_pb2.ListProvidersResponse(
            providers=[messages.provider(p, health[p.name], now) for p in on_page],
            next_page_token=self.pages.seal(str(end), scope) if len(self.router.providers) > end else "",
        )
