"""Places found by the flight-data service."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import grpc
import structlog
from readback.flightdata.v1 import flightdata_service_pb2 as pb

from agent.dialogue.places import Place, PlaceCandidate, PlaceMention
from agent.dialogue.tools import ToolUnavailable

if TYPE_CHECKING:
    from readback.flightdata.v1.flightdata_service_pb2_grpc import FlightDataServiceAsyncStub

_log = structlog.get_logger(__name__)


def place_of(message: pb.Place) -> Place:
    """A place of the contract as the dialogue sees it."""
    return Place(
        message.code,
        message.name,
        message.city or message.name,
        message.country_code,
        message.country,
        message.time_zone,
        "metro" if message.kind == pb.PLACE_KIND_METRO else "airport",
        tuple(message.airport_codes),
    )


def mention_of(message: pb.PlaceAnnotation) -> PlaceMention:
    """A mention of the contract as the dialogue sees it."""
    candidates = tuple(
        PlaceCandidate(place_of(candidate.place), candidate.score) for candidate in message.candidates
    )
    return PlaceMention(
        message.start,
        message.end,
        message.text,
        candidates,
        message.margin,
        message.confident,
        message.question,
    )


class FlightDataPlaces:
    """A `PlaceAnnotator` over the service's stub (`AnnotatePlaces` is public: any channel will do)."""

    def __init__(self, stub: FlightDataServiceAsyncStub, *, locale: str = "en-IN") -> None:
        """`locale` is a BCP 47 tag."""
        self._stub = stub
        self._locale = locale

    async def annotate(self, text: str, *, home_country: str) -> Sequence[PlaceMention]:
        """Raises `ToolUnavailable` when the service doesn't answer."""
        try:
            response = await self._stub.AnnotatePlaces(
                pb.AnnotatePlacesRequest(text=text, locale=self._locale, home_country_code=home_country)
            )
        except grpc.aio.AioRpcError as error:
            _log.warning("places can't be looked up", code=error.code().name, details=error.details())
            raise ToolUnavailable(error.code().name) from error
        return [mention_of(annotation) for annotation in response.annotations if annotation.candidates]
