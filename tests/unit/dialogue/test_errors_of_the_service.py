"""The service's reasons become the dialogue's errors; unknown reasons become "unavailable"."""

from __future__ import annotations

from datetime import date

import grpc
import pytest
from google.protobuf.any_pb2 import Any as AnyMessage
from google.rpc.error_details_pb2 import ErrorInfo
from google.rpc.status_pb2 import Status
from readback.conversation.v1 import entry_pb2
from readback.flightdata.v1 import places_pb2

from agent.dialogue.flightdata_tools import tool_error
from agent.dialogue.frames import PlaceSlot
from agent.dialogue.places import Place
from agent.dialogue.tools import (
    DateBeyondHorizon,
    DateInPast,
    FlightNotFound,
    PlaceUnknown,
    SamePlace,
    ToolError,
    ToolRestricted,
    ToolUnavailable,
    ToolUsedUp,
)
from mesh.errors import ERROR_DOMAIN

pytestmark = pytest.mark.unit


def error_with(
    reason: str, code: grpc.StatusCode = grpc.StatusCode.NOT_FOUND, **metadata: str
) -> grpc.aio.AioRpcError:
    info = AnyMessage()
    info.Pack(ErrorInfo(reason=reason, domain=ERROR_DOMAIN, metadata=metadata))
    status = Status(code=code.value[0], message="refused", details=[info])
    trailing = grpc.aio.Metadata(("grpc-status-details-bin", status.SerializeToString()))
    return grpc.aio.AioRpcError(code, grpc.aio.Metadata(), trailing, details="refused")


@pytest.mark.parametrize(
    ("reason", "kind", "outcome"),
    [
        ("PLACE_NOT_FOUND", PlaceUnknown, entry_pb2.TOOL_OUTCOME_PLACE_NOT_FOUND),
        ("SAME_PLACE", SamePlace, entry_pb2.TOOL_OUTCOME_SAME_PLACE),
        ("DATE_IN_PAST", DateInPast, entry_pb2.TOOL_OUTCOME_DATE_IN_PAST),
        ("DATE_BEYOND_HORIZON", DateBeyondHorizon, entry_pb2.TOOL_OUTCOME_DATE_BEYOND_HORIZON),
        ("FLIGHT_NOT_FOUND", FlightNotFound, entry_pb2.TOOL_OUTCOME_FLIGHT_NOT_FOUND),
        ("FLIGHTS_RESTRICTED", ToolRestricted, entry_pb2.TOOL_OUTCOME_RESTRICTED),
        ("FLIGHTS_QUOTA_EXHAUSTED", ToolUsedUp, entry_pb2.TOOL_OUTCOME_QUOTA_EXHAUSTED),
        ("INVALID_DATE", ToolUnavailable, entry_pb2.TOOL_OUTCOME_UNAVAILABLE),
        ("OVERLOADED", ToolUnavailable, entry_pb2.TOOL_OUTCOME_UNAVAILABLE),
    ],
)
def test_reason_becomes_an_error_with_its_outcome(
    reason: str, kind: type[ToolError], outcome: entry_pb2.ToolOutcome.ValueType
) -> None:
    error = tool_error(error_with(reason))
    assert type(error) is kind
    assert error.outcome == outcome
    assert error.info
    assert error.info.reason == reason, "the transcript has the service's own reason"


def test_error_without_details_is_unavailable() -> None:
    bare = grpc.aio.AioRpcError(
        grpc.StatusCode.DEADLINE_EXCEEDED, grpc.aio.Metadata(), grpc.aio.Metadata(), details="too slow"
    )
    assert type(tool_error(bare)) is ToolUnavailable
    assert tool_error(bare).info is None


def test_dates_are_taken_from_the_metadata() -> None:
    beyond = tool_error(error_with("DATE_BEYOND_HORIZON", last_date="2027-10-19"))
    assert isinstance(beyond, DateBeyondHorizon)
    assert beyond.last_date == date(2027, 10, 19)
    past = tool_error(error_with("DATE_IN_PAST", today="2026-11-23"))
    assert isinstance(past, DateInPast)
    assert past.today == date(2026, 11, 23)
    used_up = tool_error(error_with("FLIGHTS_QUOTA_EXHAUSTED", renew_time="2026-12-01T00:00:00+00:00"))
    assert isinstance(used_up, ToolUsedUp)
    assert used_up.until == date(2026, 12, 1)


def test_place_of_the_contract_is_read() -> None:
    message = places_pb2.Place(
        code="LON",
        kind=places_pb2.PLACE_KIND_METRO,
        name="London",
        country_code="GB",
        country="United Kingdom",
        time_zone="Europe/London",
        airport_codes=["LHR", "LGW"],
    )
    place = Place.of(message)
    assert (place.code, place.kind, place.city, place.airport_codes) == (
        "LON",
        "metro",
        "London",
        ("LHR", "LGW"),
    )
    assert place.zone.key == "Europe/London"


def test_place_annotation_of_the_contract_is_read() -> None:
    candidate = places_pb2.PlaceCandidate(
        place=places_pb2.Place(code="MAA", city="Chennai", time_zone="Asia/Kolkata"), score=0.9
    )
    slot = PlaceSlot.of(
        places_pb2.PlaceAnnotation(
            start=5, end=12, text="chennai", candidates=[candidate], margin=0.4, confident=True
        )
    )
    assert slot.place
    assert (slot.text, slot.place.code, round(slot.score, 2), slot.confident) == ("chennai", "MAA", 0.9, True)
