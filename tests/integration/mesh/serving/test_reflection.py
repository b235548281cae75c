"""Reflection over gRPC, as tools such as grpcurl and ghz use it."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import grpc
import pytest
import pytest_asyncio
from google.protobuf.descriptor_pb2 import FileDescriptorProto
from grpc_health.v1.health import SERVICE_NAME as HEALTH
from grpc_reflection.v1alpha import reflection_pb2
from readback.flightdata.v1 import flight_status_pb2, flightdata_service_pb2, places_pb2

from mesh.serving.reflection import V1, V1ALPHA, add_reflection

pytestmark = [pytest.mark.integration, pytest.mark.asyncio(loop_scope="module")]

SERVICE = flightdata_service_pb2.DESCRIPTOR.services_by_name["FlightDataService"].full_name
PACKAGE = flightdata_service_pb2.DESCRIPTOR.package


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def channel() -> AsyncIterator[grpc.aio.Channel]:
    server = grpc.aio.server()
    add_reflection(server, [SERVICE, HEALTH])
    port = server.add_insecure_port("127.0.0.1:0")
    await server.start()
    async with grpc.aio.insecure_channel(f"127.0.0.1:{port}") as channel:
        yield channel
    await server.stop(None)


async def ask(channel: grpc.aio.Channel, version: str, **question: Any) -> Any:
    """Ask one question; `version` is the full name of the reflection service."""
    call: Any = channel.stream_stream(
        f"/{version}/ServerReflectionInfo",
        reflection_pb2.ServerReflectionRequest.SerializeToString,
        reflection_pb2.ServerReflectionResponse.FromString,
    )
    (answer,) = [one async for one in call([reflection_pb2.ServerReflectionRequest(**question)])]
    return answer


def files(answer: Any) -> list[str]:
    found = answer.file_descriptor_response.file_descriptor_proto
    return [FileDescriptorProto.FromString(file).name for file in found]


@pytest.mark.parametrize("version", [V1, V1ALPHA])
async def test_services_are_listed_and_described_over_both_versions(
    channel: grpc.aio.Channel, version: str
) -> None:
    answer = await ask(channel, version, list_services="")
    names = [service.name for service in answer.list_services_response.service]
    assert set(names) == {SERVICE, HEALTH, V1, V1ALPHA}
    for name in names:
        assert files(await ask(channel, version, file_containing_symbol=name))


@pytest.mark.parametrize(
    ("symbol", "file"),
    [
        (f"{SERVICE}.SearchFlights", flightdata_service_pb2),
        (f"{PACKAGE}.Place", places_pb2),
        (f"{PACKAGE}.Place.code", places_pb2),
        (f"{PACKAGE}.WatchFlightStatusResponse.event", flight_status_pb2),
        (f"{PACKAGE}.PlaceKind", places_pb2),
        (f"{PACKAGE}.PLACE_KIND_METRO", places_pb2),
        (f"{PACKAGE}.PlaceKind.PLACE_KIND_METRO", places_pb2),
    ],
)
async def test_every_kind_of_symbol_is_found(channel: grpc.aio.Channel, symbol: str, file: Any) -> None:
    assert file.DESCRIPTOR.name in files(await ask(channel, V1, file_containing_symbol=symbol))


async def test_extensions_are_found_by_symbol_and_by_number(channel: grpc.aio.Channel) -> None:
    options = "readback/options/v1/options.proto"
    assert options in files(await ask(channel, V1, file_containing_symbol="readback.options.v1.access"))
    extension = {"containing_type": "google.protobuf.MethodOptions", "extension_number": 52001}
    assert options in files(await ask(channel, V1, file_containing_extension=extension))


@pytest.mark.parametrize(
    "symbol", ["", "x", f"{SERVICE}.Nothing", f"{PACKAGE}.PlaceKind.NOTHING", "a\0b", "." * 99]
)
async def test_an_unknown_symbol_is_not_found(channel: grpc.aio.Channel, symbol: str) -> None:
    answer = await ask(channel, V1, file_containing_symbol=symbol)
    assert answer.error_response.error_code == grpc.StatusCode.NOT_FOUND.value[0]
