"""Metadata that gRPC's client refuses to send is answered too, and never lets a caller in."""

from __future__ import annotations

import asyncio

import grpc
import pytest

from tests.raw_http2 import message, raw_connection
from tests.security.contracts import RPCS
from tests.security.running_mesh import SERVICES, Mesh

pytestmark = [pytest.mark.security, pytest.mark.asyncio(loop_scope="session")]

CREDENTIALS = {
    "bytes that are no UTF-8": b"Bearer \xff\xfe\x80",
    "Latin-1": "Bearer ü".encode("latin-1"),
    "UTF-8": "Bearer 鍵".encode(),
    "NUL": b"Bearer a\0b",
    "a line break": b"Bearer a\r\nx: y",
    "a tab": b"Bearer\ta.b.c",
    "spaces around": b"  Bearer a.b.c  ",
}
UNAUTHENTICATED = grpc.StatusCode.UNAUTHENTICATED.value[0]


@pytest.mark.parametrize("name", CREDENTIALS)
@pytest.mark.parametrize("service", SERVICES)
async def test_no_bytes_in_the_credentials_let_a_caller_in(mesh: Mesh, service: str, name: str) -> None:
    rpc = next(rpc for rpc in RPCS if rpc.served_by == service and not rpc.is_public)
    async with asyncio.timeout(20), raw_connection(mesh.addresses[service]) as caller:
        header = (b"authorization", CREDENTIALS[name])
        status = await caller.status(caller.open(rpc.path, header, body=message(b""), end=True))
    # gRPC's core may reset the stream instead of passing the header on.
    assert status in (UNAUTHENTICATED, None)


@pytest.mark.parametrize("service", SERVICES)
async def test_an_unknown_method_is_unimplemented(mesh: Mesh, service: str) -> None:
    own = next(rpc for rpc in RPCS if rpc.served_by == service)
    async with asyncio.timeout(20), raw_connection(mesh.addresses[service]) as caller:
        for path in (f"{own.path}x", own.path.lower(), f"/{own.path}", "/", "/../..", f"{own.path}/../Login"):
            status = await caller.status(caller.open(path, body=message(b""), end=True))
            assert status == grpc.StatusCode.UNIMPLEMENTED.value[0], path
