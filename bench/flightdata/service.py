"""The service of flight data as the benches ask it: on a port of this process, with callers that need no account."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

from google.type.date_pb2 import Date
from readback.flightdata.v1 import flightdata_service_pb2 as pb
from readback.flightdata.v1.flightdata_service_pb2_grpc import FlightDataServiceStub
from readback.options.v1 import options_pb2

from mesh.calling.channel import open_channel
from mesh.security.authentication import Principal
from mesh.serving.grpc_server import running
from services.flightdata.app import member
from services.flightdata.settings import FlightDataSettings

FLIGHTDATA = pb.DESCRIPTOR.services_by_name["FlightDataService"]
DAYS_AHEAD = 2


class _Anyone:
    """Takes every caller for one customer: tokens have a bench of their own."""

    async def verify(self, token: str) -> Principal:
        """The customer."""
        expires = datetime.now(UTC) + timedelta(hours=1)
        return Principal(
            options_pb2.ACCESS_CUSTOMER, "bench", "bench", None, None, None, None, expires, token
        )


@asynccontextmanager
async def serving(settings: FlightDataSettings) -> AsyncIterator[str]:
    """The address of a service of its own."""
    async with member(settings) as flightdata:
        anyones = replace(flightdata, verifier=_Anyone())  # type: ignore[arg-type]  # only asked to verify
        async with running(anyones) as server:
            yield server.address


@asynccontextmanager
async def asking(settings: FlightDataSettings) -> AsyncIterator[Any]:
    """A caller of a service of its own."""

    async def token() -> str:
        return "bench"

    async with AsyncExitStack() as stack:
        address = await stack.enter_async_context(serving(settings))
        yield FlightDataServiceStub(
            await stack.enter_async_context(open_channel(address, FLIGHTDATA, tokens=token))
        )


def search_request(origin: str, destination: str) -> pb.SearchFlightsRequest:
    """A search for the day after tomorrow."""
    day = datetime.now(UTC).date() + timedelta(days=DAYS_AHEAD)
    return pb.SearchFlightsRequest(
        origin=origin,
        destination=destination,
        depart_date=Date(year=day.year, month=day.month, day=day.day),
        max_results=20,
    )
