"""Places in the arguments of tools: names become codes, and an ambiguous name becomes a question."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import grpc
from google.protobuf.message import Message
from readback.flightdata.v1 import places_pb2

from mesh.contracts.tool_schemas import is_place
from mesh.errors import FieldViolation, InvalidRequest
from services.gateway.mcp.tools import Metadata

if TYPE_CHECKING:
    from readback.flightdata.v1.flightdata_service_pb2_grpc import FlightDataServiceAsyncStub

MOST_LETTERS = 200
"""Maximum length of a place's name."""
UNKNOWN = "is no known airport or city; write the IATA code of an airport, or the name of a city"


async def resolve_places(
    stub: FlightDataServiceAsyncStub, request: Message, metadata: Metadata
) -> dict[str, places_pb2.ResolvePlaceResponse]:
    """Replace the names of places in a request by their codes. Return the ambiguous ones by field.

    Raises:
        InvalidRequest: a place is unknown.
        grpc.aio.AioRpcError: places can't be looked up.
    """
    ambiguous, unknown = {}, []
    for field, name in list(_places(request)):
        found = await _found(stub, name, metadata)
        if found is None:
            unknown.append(FieldViolation(field, UNKNOWN))
        elif not found.confident:
            ambiguous[field] = found
        else:
            _set(request, field, found.candidates[0].place)
    if unknown:
        raise InvalidRequest(unknown)
    return ambiguous


def question(request: Message, ambiguous: dict[str, places_pb2.ResolvePlaceResponse]) -> dict[str, Any]:
    """Return the result that asks which places are meant; `write` is the argument that means a candidate."""
    fields = {}
    for field, found in ambiguous.items():
        given = getattr(request, field)
        candidates = [_candidate(candidate.place, given) for candidate in found.candidates]
        fields[field] = {"given": given, "candidates": candidates}
    first = next(iter(ambiguous.values()))
    return {"speech": first.question, "question": fields}


def _places(request: Message) -> Iterator[tuple[str, str]]:
    yield from ((field.name, value) for field, value in request.ListFields() if is_place(field))


async def _found(
    stub: FlightDataServiceAsyncStub, name: str, metadata: Metadata
) -> places_pb2.ResolvePlaceResponse | None:
    if not name.strip() or len(name) > MOST_LETTERS:
        return None
    try:
        return await stub.ResolvePlace(places_pb2.ResolvePlaceRequest(query=name), metadata=metadata)
    except grpc.aio.AioRpcError as error:
        if error.code() is grpc.StatusCode.NOT_FOUND:
            return None
        raise


def _set(request: Any, field: str, place: places_pb2.Place) -> None:
    setattr(request, field, place.code)
    if place.kind == places_pb2.PLACE_KIND_METRO:
        request.city_codes.append(place.code)


def _candidate(place: places_pb2.Place, given: str) -> dict[str, str]:
    """Return a candidate. If a code was given, it is ambiguous itself, so other words must be written."""
    write = place.code
    if given.isupper():
        write = f"{place.code} airport" if place.kind == places_pb2.PLACE_KIND_AIRPORT else place.city
    return {"place": f"{place.city}, {place.country}", "code": place.code, "write": write}
