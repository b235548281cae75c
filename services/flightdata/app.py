"""The flight-data service put together."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import uvloop
from readback.flightdata.v1 import flightdata_service_pb2, flightdata_service_pb2_grpc
from readback.identity.v1 import identity_service_pb2

from mesh.calling.channel import open_channel
from mesh.clock import Clock, SystemClock
from mesh.contracts.page_tokens import PageTokens
from mesh.logs import configure
from mesh.security.authentication import TokenVerifier
from mesh.security.jwks import keys_of_identity
from mesh.serving.grpc_server import Member, Registration, serve
from mesh.serving.ports import endpoint_of
from mesh.settings import load
from services.flightdata import places
from services.flightdata.caching.answer_cache import Answers
from services.flightdata.providers.configured_providers import configured_providers
from services.flightdata.providers.routing import ProviderRouter
from services.flightdata.search.offers import OfferDesk
from services.flightdata.search.searching import FlightSearch
from services.flightdata.servicer import ERRORS, FlightDataServicer
from services.flightdata.settings import FlightDataSettings
from services.flightdata.status.flight_status import StatusDesk
from services.flightdata.status.route_status import RouteStatusDesk
from services.flightdata.status.routes import RouteDesk
from services.flightdata.status.watch import StatusWatches
from services.flightdata.stores import shared


@asynccontextmanager
async def member(settings: FlightDataSettings, clock: Clock | None = None) -> AsyncIterator[Member]:
    """The service, ready to be served: its tables are read before the first call."""
    clock = clock or SystemClock()
    lexicon = places.load()
    identity = identity_service_pb2.DESCRIPTOR.services_by_name["IdentityService"]
    async with (
        shared(settings, clock) as common,
        configured_providers(settings, lexicon, clock, common.ledger) as (providers, health),
        open_channel(settings.address_of("identity"), identity) as channel,
        Answers(
            router := ProviderRouter(providers, clock, health, settings.flightdata_hedge_seconds),
            common.shelf,
            clock,
            settings.freshness,
        ) as answers,
    ):
        offers = OfferDesk(router, PageTokens(settings.secrets.text("offers").encode()), clock)
        status = StatusDesk(answers, clock)
        servicer = FlightDataServicer(
            search=FlightSearch(lexicon, answers, offers, clock),
            status=status,
            route_status=RouteStatusDesk(lexicon, answers, clock),
            watches=StatusWatches(status, clock),
            routes=RouteDesk(lexicon, answers, clock),
            offers=offers,
            router=router,
            clock=clock,
        )
        yield Member(
            name="flightdata",
            registrations=[
                Registration(
                    descriptor=flightdata_service_pb2.DESCRIPTOR.services_by_name["FlightDataService"],
                    add=lambda server: flightdata_service_pb2_grpc.add_FlightDataServiceServicer_to_server(
                        servicer, server
                    ),
                    errors=ERRORS,
                )
            ],
            verifier=TokenVerifier(keys_of_identity(channel, clock), clock=clock),
        )


def main() -> None:
    """Serves flight data until SIGTERM.

    Raises:
        ConfigurationError: a setting is wrong or a port taken.
    """
    settings = load(FlightDataSettings)
    configure(settings, "flightdata")
    uvloop.run(_run(settings))


async def _run(settings: FlightDataSettings) -> None:
    async with member(settings) as flightdata:
        endpoint, probes = (
            endpoint_of(settings, "flightdata_port"),
            endpoint_of(settings, "flightdata_http_port"),
        )
        await serve(flightdata, settings, endpoint=endpoint, probes=probes)
