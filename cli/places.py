"""Places as they are typed on a command line: a code, a name, or something that sounds like one."""

from __future__ import annotations

from typing import TYPE_CHECKING

from readback.flightdata.v1 import flightdata_service_pb2 as flightdata

from cli.errors import UsageError

if TYPE_CHECKING:
    from readback.flightdata.v1.flightdata_service_pb2_grpc import FlightDataServiceAsyncStub


async def resolved(stub: FlightDataServiceAsyncStub, words: str) -> flightdata.Place:
    """The one place that the words mean.

    Raises:
        UsageError: they may mean several.
        grpc.aio.AioRpcError: they mean none.
    """
    response = await stub.ResolvePlace(flightdata.ResolvePlaceRequest(query=words))
    if not response.confident:
        raise UsageError(f"{words!r} may be {_choices(response)}; say which with its code.")
    return response.candidates[0].place


def _choices(response: flightdata.ResolvePlaceResponse) -> str:
    return " or ".join(
        f"{c.place.city or c.place.name}, {c.place.country} ({c.place.code})" for c in response.candidates
    )
