"""Servers listen at their endpoint, on IPv4 and IPv6, and report why they can't."""

from __future__ import annotations

import errno
import os
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import Any

import grpc
import httpx
import pytest
from grpc_health.v1 import health_pb2, health_pb2_grpc
from readback.identity.v1 import identity_service_pb2

from mesh.calling.channel import grpc_target
from mesh.security.authentication import TokenVerifier
from mesh.serving import grpc_server, web_server
from mesh.serving.health_and_metrics import serving_probes
from mesh.serving.ports import Endpoint, endpoint_of
from mesh.settings import ConfigurationError, MeshSettings, load

SERVICE = identity_service_pb2.DESCRIPTOR.services_by_name["IdentityService"]
pytestmark = pytest.mark.integration

Serving = Callable[[Endpoint], AbstractAsyncContextManager[str]]
"""Serves at an endpoint and yields `host:port`."""


async def _no_keys(_kid: str) -> None:
    return None


async def _app(
    scope: dict[str, Any], receive: Callable[[], Awaitable[Any]], send: Callable[[Any], Awaitable[None]]
) -> None:
    if scope["type"] == "http":
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": b"here"})


@asynccontextmanager
async def grpc_service(at: Endpoint) -> AsyncIterator[str]:
    served = grpc_server.GrpcService("any", [SERVICE], lambda _: None, {}, TokenVerifier(_no_keys))
    brisk = grpc_server.ServerSettings(notice_seconds=0, drain_seconds=0)
    async with grpc_server.running(served, endpoint=at, settings=brisk) as running:
        yield running.address


@asynccontextmanager
async def web_app(at: Endpoint) -> AsyncIterator[str]:
    async with web_server.running(_app, web_server.WebServer("any", at, 1)) as running:  # type: ignore[arg-type]  # looser than ASGI
        yield running.url.removeprefix("http://")


@asynccontextmanager
async def probes(at: Endpoint) -> AsyncIterator[str]:
    with serving_probes("any", at, lambda: True) as port:
        yield f"[{at.bind}]:{port}" if ":" in at.bind else f"{at.bind}:{port}"


every_server = pytest.mark.parametrize("serving", [grpc_service, web_app, probes])


async def _answers_grpc(address: str) -> None:
    async with grpc.aio.insecure_channel(grpc_target(address)) as channel:
        answer = await health_pb2_grpc.HealthStub(channel).Check(
            health_pb2.HealthCheckRequest(), wait_for_ready=True, timeout=20
        )
    assert answer.status == health_pb2.HealthCheckResponse.SERVING


async def _answers_http(address: str) -> None:
    async with httpx.AsyncClient(trust_env=False) as client:
        assert (await client.get(f"http://{address}/health")).status_code == 200


@every_server
@pytest.mark.parametrize(
    ("bind", "reached"), [("::1", ["[::1]"]), ("::", ["[::1]", "127.0.0.1"]), ("127.0.0.1", ["127.0.0.1"])]
)
async def test_every_kind_of_server_is_reachable_at_its_endpoint(
    serving: Serving, bind: str, reached: list[str]
) -> None:
    async with serving(Endpoint(bind, 0, "READBACK_SHOE_PORT")) as address:
        host, _, port = address.rpartition(":")
        assert host == (f"[{bind}]" if ":" in bind else bind)
        for name in reached:
            await (_answers_grpc if serving is grpc_service else _answers_http)(f"{name}:{port}")


@every_server
@pytest.mark.parametrize("bind", ["127.0.0.1", "::1"])
async def test_the_error_for_a_used_port_names_its_setting(serving: Serving, bind: str) -> None:
    async with serving(Endpoint(bind, 0, "READBACK_SHOE_PORT")) as address:
        port = int(address.rpartition(":")[2])
        with pytest.raises(ConfigurationError) as refused:
            async with serving(Endpoint(bind, port, "READBACK_SHOE_PORT")):
                pass
    assert (
        str(refused.value)
        == f"Port {port} on {bind} is in use; stop what uses it or set READBACK_SHOE_PORT to another."
    )


@every_server
async def test_the_error_for_a_foreign_address_names_the_address(serving: Serving) -> None:
    with pytest.raises(ConfigurationError) as refused:
        async with serving(Endpoint("192.0.2.1", 0, "READBACK_SHOE_PORT")):
            pass
    reason = os.strerror(errno.EADDRNOTAVAIL)
    assert (
        str(refused.value)
        == f"Nothing can listen on 192.0.2.1: {reason}; set READBACK_BIND to an address of this machine."
    )


def test_an_endpoint_knows_the_setting_of_its_port() -> None:
    settings = load(MeshSettings, bind="::1", flightdata_http_port=9)
    assert endpoint_of(settings, "flightdata_http_port") == Endpoint(
        "::1", 9, "READBACK_FLIGHTDATA_HTTP_PORT"
    )


@pytest.mark.parametrize(
    ("bind", "address"),
    [
        ("127.0.0.1", "127.0.0.1:50051"),
        ("0.0.0.0", "127.0.0.1:50051"),  # a setting, not bound
        ("::", "127.0.0.1:50051"),
        ("::1", "[::1]:50051"),
        ("10.0.0.5", "10.0.0.5:50051"),
    ],
)
def test_the_default_address_of_a_service_is_reachable_on_this_machine(bind: str, address: str) -> None:
    assert (
        load(MeshSettings, bind=bind, identity_port=50051, identity_address="").address_of("identity")
        == address
    )
