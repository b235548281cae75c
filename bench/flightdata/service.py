"""The flight-data service in this process, for benches without accounts."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

from google.type.date_pb2 import Date
from readback.flightdata.v1 import flightdata_service_pb2, flights_pb2
from readback.flightdata.v1.flightdata_service_pb2_grpc import FlightDataServiceStub
from readback.options.v1 import options_pb2

from mesh.calling.channel import open_channel
from mesh.security.authentication import Principal
from mesh.serving.grpc_server import running
from services.flightdata.app import grpc_service
from services.flightdata.settings import FlightDataSettings

FLIGHTDATA = flightdata_service_pb2.DESCRIPTOR.services_by_name["FlightDataService"]
DAYS_AHEAD = 2


class _AcceptAll:
    """A verifier that accepts every token as the same customer."""

    async def verify(self, token: str) -> Principal:
        """Return the customer."""
        expires = datetime.now(UTC) + timedelta(hours=1)
        return Principal(
            options_pb2.ACCESS_CUSTOMER, "bench", "bench", None, None, None, None, expires, token
        )


@asynccontextmanager
async def serving(settings: FlightDataSettings) -> AsyncIterator[str]:
    """Run the service and yield its address."""
    async with grpc_service(settings) as flightdata:
        accepting = replace(flightdata, verifier=_AcceptAll())  # type: ignore[arg-type]  # only `verify` is used
        async with running(accepting) as server:
            yield server.address


@asynccontextmanager
async def asking(settings: FlightDataSettings) -> AsyncIterator[Any]:
    """Run the service and yield a client stub for it."""

    async def token() -> str:
        return "bench"

    async with AsyncExitStack() as stack:
        address = await stack.enter_async_context(serving(settings))
        yield FlightDataServiceStub(
            await stack.enter_async_context(open_channel(address, FLIGHTDATA, tokens=token))
        )


def search_request(origin: str, destination: str) -> flights_pb2.SearchFlightsRequest:
    """Return a search for the day after tomorrow."""
    day = datetime.now(UTC).date() + timedelta(days=DAYS_AHEAD)
    leg = flights_pb2.SearchLeg(
        origin=origin,
        destination=destination,
        departure_date=Date(year=day.year, month=day.month, day=day.day),
    )
    return flights_pb2.SearchFlightsRequest(legs=[leg], max_results=20)
