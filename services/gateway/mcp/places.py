"""Places in the arguments of tools: names become codes, and an ambiguous name becomes a question."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
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


class UnknownPlaces(InvalidRequest):
    """Arguments name places that don't exist."""


@dataclass(frozen=True, slots=True)
class Ambiguous:
    """The words for a place in an argument, and what they may mean."""

    given: str
    found: places_pb2.ResolvePlaceResponse


async def resolve_places(
    stub: FlightDataServiceAsyncStub, request: Message, metadata: Metadata
) -> dict[str, Ambiguous]:
    """Replace the names of places in a request by their codes. Return the ambiguous ones by argument.

    Raises:
        UnknownPlaces: names every argument with an unknown place.
        grpc.aio.AioRpcError: places can't be looked up.
    """
    ambiguous, unknown = {}, []
    for path, message, field in list(_places(request, "")):
        given = getattr(message, field)
        found = await _found(stub, given, metadata)
        if found is None:
            unknown.append(FieldViolation(path, UNKNOWN))
        elif not found.confident:
            ambiguous[path] = Ambiguous(given, found)
        else:
            _set(message, field, found.candidates[0].place)
    if unknown:
        raise UnknownPlaces(unknown)
    return ambiguous


def question(ambiguous: dict[str, Ambiguous]) -> dict[str, Any]:
    """Return the result that asks which places are meant; `write` is the argument that means a candidate."""
    fields = {}
    for path, place in ambiguous.items():
        candidates = [_candidate(candidate.place, place.given) for candidate in place.found.candidates]
        fields[path] = {"given": place.given, "candidates": candidates}
    first = next(iter(ambiguous.values()))
    return {"speech": first.found.question, "question": fields}


def _places(message: Message, path: str) -> Iterator[tuple[str, Message, str]]:
    """Yield the path of each place in a message, the message that has the place, and the field's name."""
    for field, value in message.ListFields():
        if is_place(field):
            yield path + field.name, message, field.name
        elif field.message_type is not None and field.is_repeated:
            for index, item in enumerate(value):
                yield from _places(item, f"{path}{field.name}[{index}].")


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


def _set(message: Message, field: str, place: places_pb2.Place) -> None:
    setattr(message, field, place.code)
    setattr(message, f"{field}_kind", place.kind)


def _candidate(place: places_pb2.Place, given: str) -> dict[str, str]:
    """Return a candidate. If a code was given, it is ambiguous itself, so other words must be written."""
    write = place.code
    if given.isupper():
        write = f"{place.code} airport" if place.kind == places_pb2.PLACE_KIND_AIRPORT else place.city
    return {"place": f"{place.city}, {place.country}", "code": place.code, "write": write}
