"""gRPC server with health, limits, access control, and an orderly shutdown."""

from __future__ import annotations

import asyncio
import gc
import os
import sys
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

import grpc
import structlog
from google.protobuf.descriptor import ServiceDescriptor
from grpc_health.v1 import health_pb2_grpc
from grpc_health.v1.health import SERVICE_NAME

from mesh.contracts.validation import validate
from mesh.errors import ErrorTable
from mesh.failpoints import FAILPOINTS, set_failpoints
from mesh.security.access_rules import MethodContract, contract_of, path_of
from mesh.security.authentication import TokenVerifier
from mesh.security.security_log import security_log
from mesh.serving.health_and_metrics import Health, serving_probes
from mesh.serving.inbound_call import Admission
from mesh.serving.interceptor import Interceptor
from mesh.serving.limits import Limiter, LimitSettings, allow_open_files
from mesh.serving.ports import Endpoint, listen
from mesh.serving.reflection import add_reflection
from mesh.serving.request_receipt import Receiver
from mesh.serving.shutdown import DRAIN_SECONDS, NOTICE_SECONDS, stop_event
from mesh.settings import ConfigurationError, MeshSettings, with_port

SWITCH_SECONDS = 0.0005
"""Time after which a computing thread lets another one run. With Python's 5 ms, each step of a request would
wait as long for a thread that computes for another customer."""
_log = structlog.get_logger()


async def _nothing() -> None:
    """Do nothing."""


@dataclass(frozen=True, slots=True)
class GrpcService:
    """The gRPC services of one process, ready to be served."""

    name: str
    """Name of the process, shown by `/health`."""
    descriptors: Sequence[ServiceDescriptor]
    """Descriptors from the generated code. Their options contain the access rules."""
    add: Callable[[grpc.aio.Server], None]
    """Adds the servicers to a server."""
    errors: ErrorTable
    """Errors of the services' domain."""
    verifier: TokenVerifier
    """Authenticates the callers."""
    drain: Callable[[], Awaitable[None]] = _nothing
    """Ends the long streams when the server stops. Without it gRPC waits `drain_seconds` for them."""


@dataclass(frozen=True, slots=True)
class ServerSettings:
    """Settings of a gRPC server."""

    reflection: bool = True
    """True if callers may list the services; False in production."""
    notice_seconds: float = NOTICE_SECONDS
    """Time for which a stopping server still accepts RPCs after its health stream says NOT_SERVING."""
    drain_seconds: float = DRAIN_SECONDS
    """Time that running RPCs get to finish after `notice_seconds`."""
    max_connection_age_seconds: int = 1800
    """Age at which connections are closed, so that clients reconnect and find new replicas."""
    keepalive_seconds: int = 10
    """Interval of pings on an idle connection, and timeout of a ping. gRPC delays the ping of a recently busy
    connection by one interval, so a dead connection is found after three intervals at most."""
    limits: LimitSettings = field(default_factory=LimitSettings)


@dataclass(frozen=True, slots=True)
class RunningServer:
    """A gRPC server that accepts RPCs."""

    address: str
    """`host:port`."""
    healthy: Callable[[], bool]
    """Returns whether the server accepts new RPCs."""


@asynccontextmanager
async def running(
    service: GrpcService, *, endpoint: Endpoint | None = None, settings: ServerSettings | None = None
) -> AsyncIterator[RunningServer]:
    """Serve the services of a process until the block ends.

    The server then stops in these steps:

    1. Health says NOT_SERVING. Channels that watch it send new RPCs to other replicas; this server still
       accepts RPCs.
    2. `service.drain` ends the long streams.
    3. Connections get a GOAWAY, and running RPCs finish.
    4. The port closes.

    Raises:
        ConfigurationError: the endpoint is unusable.
    """
    endpoint, settings = endpoint or Endpoint(), settings or ServerSettings()
    methods = [method for descriptor in service.descriptors for method in descriptor.methods]
    contracts = {path_of(method): contract_of(method) for method in methods}
    largest = max(contract.max_request_bytes for contract in contracts.values())
    interceptor = _interceptor(service, contracts, settings.limits)
    server = grpc.aio.server(interceptors=[interceptor], options=_channel_arguments(settings, largest))
    health = Health()
    health_pb2_grpc.add_HealthServicer_to_server(health, server)
    service.add(server)
    names = [descriptor.full_name for descriptor in service.descriptors]
    if settings.reflection:
        add_reflection(server, [*names, SERVICE_NAME])
    port = _add_port(server, endpoint)
    await server.start()
    serving = True
    health.serve("", *names)
    try:
        yield RunningServer(with_port(endpoint.bind, port), lambda: serving)
    finally:
        serving = False
        health.drain()
        await asyncio.sleep(settings.notice_seconds)
        await service.drain()
        health.close_watches()
        await server.stop(settings.drain_seconds)


def _interceptor(
    service: GrpcService, contracts: Mapping[str, MethodContract], limits: LimitSettings
) -> Interceptor:
    admission = Admission(service.verifier, Limiter(limits))
    receiver = Receiver(limits.request_seconds, limits.waiting)
    return Interceptor(admission, contracts, service.errors, validate, receiver)


def _channel_arguments(settings: ServerSettings, max_request_bytes: int) -> list[tuple[str, int]]:
    keepalive = settings.keepalive_seconds * 1000
    return [
        ("grpc.so_reuseport", 0),  # two servers on one port would silently share its RPCs
        ("grpc.keepalive_time_ms", keepalive),
        ("grpc.keepalive_timeout_ms", keepalive),
        # Also limits gRPC's bandwidth probes, which delay other pings; the default is a minute.
        ("grpc.http2.ping_timeout_ms", keepalive),
        ("grpc.keepalive_permit_without_calls", 1),
        # gRPC Python silently ignores the common spelling `…min_recv_ping…`.
        ("grpc.http2.min_ping_interval_without_data_ms", 10_000),
        # Pings that come too fast, in sequence; the next one closes the connection.
        ("grpc.http2.max_ping_strikes", 10),
        ("grpc.max_connection_age_ms", settings.max_connection_age_seconds * 1000),
        ("grpc.max_connection_age_grace_ms", 60_000),
        *settings.limits.channel_arguments(max_request_bytes),
    ]


def _add_port(server: grpc.aio.Server, endpoint: Endpoint) -> int:
    address = with_port(endpoint.bind, endpoint.port)
    try:
        return server.add_insecure_port(address)
    except RuntimeError:
        listen(endpoint).close()  # raises an error with the reason, which gRPC's error lacks
        raise ConfigurationError(f"gRPC can't listen on {address}.") from None


async def serve(
    service: GrpcService, settings: MeshSettings, *, endpoint: Endpoint, probes: Endpoint
) -> None:
    """Serve the services of a process, its health and its metrics until SIGTERM or SIGINT.

    A second signal ends the process immediately.

    Raises:
        ConfigurationError: an endpoint is unusable, or failpoints are set in production.
    """
    set_failpoints(os.environ.get(FAILPOINTS, ""), environment=settings.environment)
    server_settings = ServerSettings(
        reflection=settings.environment == "development",
        notice_seconds=settings.drain_notice_seconds,
        drain_seconds=settings.drain_seconds,
    )
    os.umask(0o077)  # only the owner may read files of the process
    allow_open_files()
    sys.setswitchinterval(SWITCH_SECONDS)
    stopping = stop_event()
    async with running(service, endpoint=endpoint, settings=server_settings) as server:
        with serving_probes(service.name, probes, server.healthy) as http_port:
            _log.info("serving", address=server.address, http_port=http_port)
            _freeze_garbage_collector()
            await stopping.wait()
            _log.info("stopping")
    security_log.flush()


def _freeze_garbage_collector() -> None:
    # Scanning the objects loaded at start would pause every stream for tens of milliseconds.
    gc.collect()
    gc.freeze()
    gc.set_threshold(10_000, 10, 20)
