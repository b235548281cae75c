"""Assembly of the flight-data service. Its stores are in Redis, or in this process and a file."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, aclosing, asynccontextmanager
from dataclasses import dataclass
from functools import partial

import uvloop
from readback.flightdata.v1 import flightdata_service_pb2, flightdata_service_pb2_grpc

from mesh.calling.channel import open_channel
from mesh.clock import Clock, SystemClock
from mesh.contracts.page_tokens import PageTokens
from mesh.logs import configure
from mesh.security.revocations import IDENTITY, verifier_of_identity
from mesh.serving.grpc_server import GrpcService, serve
from mesh.serving.ports import endpoint_of
from mesh.settings import load
from services.flightdata import places
from services.flightdata.caching.answer_cache import AnswerCache
from services.flightdata.caching.store import CacheStore, MemoryCacheStore
from services.flightdata.places.lookup_threads import LookupThreads
from services.flightdata.providers.configured_providers import configured_providers
from services.flightdata.providers.routing import ProviderRouter
from services.flightdata.quota.allowances import Allowances
from services.flightdata.quota.store import MemoryQuotaStore, QuotaStore
from services.flightdata.search.flight_search import FlightSearch
from services.flightdata.search.offers import OfferService
from services.flightdata.servicer import ERRORS, FlightDataServicer
from services.flightdata.settings import FlightDataSettings
from services.flightdata.status.flight_status import StatusService
from services.flightdata.status.route_status import RouteStatusService
from services.flightdata.status.routes import RouteLookup
from services.flightdata.status.watch import StatusWatches

REDIS_TIMEOUT_SECONDS = 2.0


@dataclass(frozen=True, slots=True)
class Stores:
    """The stores for state that outlives a process and is shared by all replicas, if Redis is configured."""

    quota: QuotaStore
    cache: CacheStore


@asynccontextmanager
async def open_stores(settings: FlightDataSettings, clock: Clock) -> AsyncIterator[Stores]:
    """Open the stores, and close them when the context ends. An unreachable Redis is no error."""
    if not settings.redis_url:
        path = settings.home / "flightdata" / "ledger.json"
        yield Stores(MemoryQuotaStore(clock, path), MemoryCacheStore(clock))
        return
    # Imported here because the import takes 0.1 seconds and is needed only with Redis.
    from redis.asyncio import Redis
    from redis.asyncio.retry import Retry
    from redis.backoff import NoBackoff

    from services.flightdata.caching.redis_store import RedisCacheStore
    from services.flightdata.quota.redis_store import RedisQuotaStore

    client: Redis = Redis.from_url(
        settings.redis_url,
        retry=Retry(NoBackoff(), 0),
        socket_connect_timeout=REDIS_TIMEOUT_SECONDS,
        socket_timeout=REDIS_TIMEOUT_SECONDS,
    )
    async with aclosing(client):
        yield Stores(RedisQuotaStore(client), RedisCacheStore(client))


@asynccontextmanager
async def grpc_service(
    settings: FlightDataSettings, clock: Clock | None = None
) -> AsyncIterator[GrpcService]:
    """Open the service. Load its place tables before the first call."""
    clock = clock or SystemClock()
    lexicon = places.load()
    async with (
        AsyncExitStack() as exits,
        open_stores(settings, clock) as stores,
        configured_providers(settings, lexicon, clock, stores.quota) as (providers, health),
        open_channel(settings.address_of("identity"), *IDENTITY) as channel,
        AnswerCache(
            router := ProviderRouter(providers, clock, health, settings.flightdata_hedge_seconds),
            stores.cache,
            clock,
            settings.freshness,
            spend := Allowances(stores.quota, settings.allowances).spend,
        ) as cache,
    ):
        lookups = exits.enter_context(LookupThreads())
        tokens = PageTokens(settings.secrets.text("offers").encode())
        offers = OfferService(router, tokens, clock, spend)
        status = StatusService(cache, clock)
        servicer = FlightDataServicer(
            search=FlightSearch(lexicon, cache, offers, clock),
            status=status,
            route_status=RouteStatusService(lexicon, cache, clock),
            watches=StatusWatches(status, clock),
            routes=RouteLookup(lexicon, cache, clock),
            offers=offers,
            router=router,
            clock=clock,
            lookups=lookups,
            pages=tokens,
        )
        yield GrpcService(
            name="flightdata",
            descriptors=[flightdata_service_pb2.DESCRIPTOR.services_by_name["FlightDataService"]],
            add=partial(flightdata_service_pb2_grpc.add_FlightDataServiceServicer_to_server, servicer),
            errors=ERRORS,
            verifier=verifier_of_identity(channel, clock),
        )


def main() -> None:
    """Serve flight data until SIGTERM.

    Raises:
        ConfigurationError: a setting is invalid, or a port is in use.
    """
    settings = load(FlightDataSettings)
    configure(settings, "flightdata")
    uvloop.run(_run(settings))


async def _run(settings: FlightDataSettings) -> None:
    async with grpc_service(settings) as flightdata:
        endpoint, probes = (
            endpoint_of(settings, "flightdata_port"),
            endpoint_of(settings, "flightdata_http_port"),
        )
        await serve(flightdata, settings, endpoint=endpoint, probes=probes)
