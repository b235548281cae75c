"""A way to flight data: the service that runs, or one in this process when none does."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

from readback.flightdata.v1 import flightdata_service_pb2 as flightdata
from readback.flightdata.v1.flightdata_service_pb2_grpc import FlightDataServiceStub

from mesh.calling.channel import open_channel
from mesh.settings import MeshSettings, load

if TYPE_CHECKING:
    from readback.flightdata.v1.flightdata_service_pb2_grpc import FlightDataServiceAsyncStub

DESCRIPTOR = flightdata.DESCRIPTOR.services_by_name["FlightDataService"]
CONNECT_SECONDS = 1.0


@asynccontextmanager
async def running_or_own(settings: MeshSettings) -> AsyncIterator[FlightDataServiceAsyncStub]:
    """A stub for what needs no token."""
    address = settings.address_of("flightdata")
    if await answers(address):
        async with open_channel(address, DESCRIPTOR) as channel:
            yield FlightDataServiceStub(channel)
        return
    async with _own() as own_address, open_channel(own_address, DESCRIPTOR) as channel:
        yield FlightDataServiceStub(channel)


async def answers(address: str) -> bool:
    """Whether a gRPC server takes connections there."""
    async with open_channel(address, DESCRIPTOR) as channel:
        try:
            async with asyncio.timeout(CONNECT_SECONDS):
                await channel.channel_ready()
        except TimeoutError:
            return False
    return True


@asynccontextmanager
async def _own() -> AsyncIterator[str]:
    """The service on a free port of this process."""
    from mesh.serving.grpc_server import running
    from services.flightdata.app import member
    from services.flightdata.settings import FlightDataSettings

    async with member(load(FlightDataSettings)) as flight_data, running(flight_data) as server:
        yield server.address
