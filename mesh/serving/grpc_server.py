"""Serving: a member of the mesh on a port, from its first health check to the last call it lets finish."""

from __future__ import annotations

import asyncio
import gc
import os
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

import grpc
import structlog
from google.protobuf.descriptor import ServiceDescriptor
from grpc_health.v1 import health_pb2_grpc
from grpc_health.v1.health import SERVICE_NAME
from grpc_reflection.v1alpha import reflection

from mesh.addresses import with_port
from mesh.contracts.validation import validate
from mesh.errors import ErrorTable
from mesh.failpoints import FAILPOINTS, set_failpoints
from mesh.security import access_rules
from mesh.security.authentication import TokenVerifier
from mesh.serving.grpc_health import Health
from mesh.serving.http_probes import http_side
from mesh.serving.inbound_call import Gates
from mesh.serving.interceptor import Interceptor
from mesh.serving.limits import Limiter, LimitSettings
from mesh.serving.ports import Endpoint, listening
from mesh.serving.shutdown import stop_event
from mesh.settings import ConfigurationError, MeshSettings

_log = structlog.get_logger()


async def _nothing() -> None:
    """For members without streams of their own to end."""


@dataclass(frozen=True, slots=True)
class Registration:
    """One service of a member."""

    descriptor: ServiceDescriptor
    """From the generated code; access rules are read off it."""
    add: Callable[[grpc.aio.Server], None]
    """Adds the servicer to a server."""
    errors: ErrorTable
    """What the service's domain may raise."""


@dataclass(frozen=True, slots=True)
class Member:
    """A process of the mesh as it serves."""

    name: str
    registrations: Sequence[Registration]
    verifier: TokenVerifier
    drain: Callable[[], Awaitable[None]] = _nothing
    """Ends the member's own long streams; `stop(grace)` would wait the whole grace for them."""


@dataclass(frozen=True, slots=True)
class ServerSettings:
    """How a server treats connections."""

    reflection: bool = True
    """Whether strangers may ask which services there are; off in production."""
    notice_seconds: float = 0.2
    """How long a stopping server goes on serving after it has said on its health stream that it won't."""
    drain_seconds: float = 0.8
    """How long it then lets running calls finish."""
    max_connection_age_seconds: int = 1800
    """Connections are ended at this age, so that load balancers see new replicas; clients reconnect by themselves."""
    keepalive_seconds: int = 10
    """How often an idle connection is probed, and how long the answer may take. gRPC probes one that was busy when it last looked a turn
    later, so a half-open one is found after three times this at most."""
    limits: LimitSettings = field(default_factory=LimitSettings)
    """Admission."""


@dataclass(frozen=True, slots=True)
class RunningServer:
    """A server that takes calls."""

    address: str
    """`host:port`."""
    healthy: Callable[[], bool]
    """Whether it takes new calls."""


@asynccontextmanager
async def running(
    member: Member,
    *,
    bind: str = "127.0.0.1",
    port: int = 0,
    variable: str = "the port",
    settings: ServerSettings | None = None,
) -> AsyncIterator[RunningServer]:
    """Serves a member until the block ends.

    Then, in this order: health says NOT_SERVING, and channels that ask for it go elsewhere with what is new, while what comes all the same
    is still served; the member ends its own streams; connections get a GOAWAY; running calls finish; the port closes.

    A port that can't be listened on is blamed on the setting `variable`.

    Raises:
        ConfigurationError: it can't listen there.
    """
    settings = settings or ServerSettings()
    limiter = Limiter(settings.limits)
    server = grpc.aio.server(interceptors=[_interceptor(member, limiter)], options=_options(settings))
    states = Health()
    health_pb2_grpc.add_HealthServicer_to_server(states, server)
    names = [registration.descriptor.full_name for registration in member.registrations]
    for registration in member.registrations:
        registration.add(server)
    if settings.reflection:
        reflection.enable_server_reflection([*names, SERVICE_NAME, reflection.SERVICE_NAME], server)
    bound = _bound(server, Endpoint(bind, port, variable))
    await server.start()
    serving = True
    states.serve("", *names)
    try:
        yield RunningServer(with_port(bind, bound), lambda: serving)
    finally:
        serving = False
        states.drain()
        await asyncio.sleep(settings.notice_seconds)
        await member.drain()
        states.let_go()
        await server.stop(settings.drain_seconds)


def _interceptor(member: Member, limiter: Limiter) -> Interceptor:
    rules = access_rules.rules_of_services(registration.descriptor for registration in member.registrations)
    tables = {
        registration.descriptor.file.package: registration.errors for registration in member.registrations
    }
    return Interceptor(Gates(member.verifier, limiter), rules, tables, validate)


def _options(settings: ServerSettings) -> list[tuple[str, int]]:
    keepalive = settings.keepalive_seconds * 1000
    return [
        ("grpc.so_reuseport", 0),  # two servers on one port would share its calls silently
        ("grpc.keepalive_time_ms", keepalive),
        ("grpc.keepalive_timeout_ms", keepalive),
        # Bounds gRPC's own probes of the bandwidth too: while one is out no other ping is sent, and its default is a minute.
        ("grpc.http2.ping_timeout_ms", keepalive),
        ("grpc.keepalive_permit_without_calls", 1),
        # The `…min_recv_ping…` spelling found in many places is a silent no-op in gRPC Python.
        ("grpc.http2.min_ping_interval_without_data_ms", 10_000),
        ("grpc.http2.max_ping_strikes", 0),
        ("grpc.max_connection_age_ms", settings.max_connection_age_seconds * 1000),
        ("grpc.max_connection_age_grace_ms", 60_000),
        ("grpc.max_metadata_size", 16 * 1024),
        *settings.limits.options(),
    ]


def _bound(server: grpc.aio.Server, endpoint: Endpoint) -> int:
    address = with_port(endpoint.bind, endpoint.port)
    try:
        return server.add_insecure_port(address)
    except RuntimeError:
        listening(endpoint).close()  # gRPC keeps the reason to itself; this says it
        raise ConfigurationError(f"gRPC can't listen on {address}.") from None


async def serve(member: Member, settings: MeshSettings, *, at: Endpoint, probed_at: Endpoint) -> None:
    """Serves a member until SIGTERM or SIGINT. A second signal ends the process at once.

    Raises:
        ConfigurationError: it can't listen somewhere, or failpoints are set where they must not be.
    """
    set_failpoints(os.environ.get(FAILPOINTS, ""), environment=settings.environment)
    server_settings = ServerSettings(
        reflection=settings.environment == "development",
        notice_seconds=settings.drain_notice_seconds,
        drain_seconds=settings.drain_seconds,
    )
    os.umask(0o077)  # whoever starts the process: its files are its owner's alone
    stopping = stop_event()
    async with running(
        member, bind=at.bind, port=at.port, variable=at.variable, settings=server_settings
    ) as server:
        with http_side(member.name, probed_at, server.healthy) as http_port:
            _log.info("serving", address=server.address, http_port=http_port)
            _spare_the_collector()
            await stopping.wait()
            _log.info("stopping")


def _spare_the_collector() -> None:
    """What a process loaded to serve lives as long as it does. Looking through it again and again costs every stream a pause of tens of
    milliseconds, so the garbage collector is told to leave it alone, and to come when some thousand objects are new."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(10_000, 10, 20)
