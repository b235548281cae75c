"""Violations of field rules are plain sentences; long lists are refused before their items are read."""

from __future__ import annotations

from collections.abc import Iterator

import protovalidate
import pytest
from buf.validate import validate_pb2
from google.protobuf.descriptor import Descriptor, FieldDescriptor
from readback.conversation.v1 import conversation_service_pb2 as conversation
from readback.conversation.v1 import entry_pb2
from readback.flightdata.v1 import flightdata_service_pb2, flights_pb2
from readback.identity.v1 import identity_service_pb2 as identity
from readback.internal.conversation.v1 import call_record_service_pb2 as call_record
from readback.internal.identity.v1 import identity_internal_service_pb2 as identity_internal

from mesh.contracts.validation import MOST_PARTS, MOST_VIOLATIONS, PATTERNS, validate
from mesh.errors import InvalidRequest
from mesh.ids import uuid7

pytestmark = pytest.mark.unit

REQUESTS = [
    method.input_type
    for file in (conversation, call_record, flightdata_service_pb2, identity, identity_internal)
    for service in file.DESCRIPTOR.services_by_name.values()
    for method in service.methods
]


def rules_of(field: FieldDescriptor) -> validate_pb2.FieldRules:
    rules: validate_pb2.FieldRules = field.GetOptions().Extensions[validate_pb2.field]
    return rules


def fields_of(descriptor: Descriptor, seen: frozenset[str] = frozenset()) -> Iterator[FieldDescriptor]:
    """Yield the fields of a message and of the messages in it, except those whose rules don't apply."""
    for field in descriptor.fields:
        if rules_of(field).ignore == validate_pb2.IGNORE_ALWAYS:
            continue
        yield field
        inner = field.message_type
        if inner is not None and inner.full_name not in seen and inner.file.package.startswith("readback."):
            yield from fields_of(inner, seen | {inner.full_name})


FIELDS = {field.full_name: field for request in REQUESTS for field in fields_of(request)}


def violations(message: flights_pb2.SearchFlightsRequest) -> dict[str, str]:
    with pytest.raises(InvalidRequest) as refused:
        validate(message)
    return {violation.field: violation.description for violation in refused.value.violations}


def test_every_pattern_of_the_contracts_has_words() -> None:
    rules = [rules_of(field) for field in FIELDS.values()]
    patterns = {rule.string.pattern for rule in rules} | {
        rule.repeated.items.string.pattern for rule in rules
    }
    assert patterns - {""} == set(PATTERNS)


def test_a_violated_pattern_is_a_plain_sentence() -> None:
    leg = flights_pb2.SearchLeg(origin="maa", carrier_codes=["Air India"])
    found = violations(flights_pb2.SearchFlightsRequest(legs=[leg]))
    assert found["legs[0].origin"] == "must be the IATA code of an airport or a city, such as MAA"
    assert found["legs[0].carrier_codes[0]"] == "must be the IATA code of an airline, such as AI"


def test_a_long_list_is_refused_without_reading_its_items(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(protovalidate, "validate", lambda _: pytest.fail("its items were read"))
    request = flights_pb2.SearchFlightsRequest()
    request.ParseFromString(b"\x0a\x00" * 32_700)
    assert violations(request) == {"legs": "has more than 6 items"}


def test_what_a_tool_entry_carries_is_checked_for_times_only_and_up_to_a_limit() -> None:
    result = entry_pb2.ToolResult(tool_call_id=uuid7(), name="x", outcome=entry_pb2.TOOL_OUTCOME_FOUND)
    segments = result.search_flights.results.itineraries.add().segments
    for _ in range(MOST_PARTS // 2):
        segments.add().departure.SetInParent()
    with pytest.raises(InvalidRequest, match="parts with times"):
        validate(result)
    del segments[3:]
    validate(result)
    segments[0].arrival.time.nanos = -1
    with pytest.raises(InvalidRequest, match="not a time"):
        validate(result)


def test_an_error_lists_a_limited_number_of_violations() -> None:
    leg = flights_pb2.SearchLeg(carrier_codes=["x"] * 20, without_carrier_codes=["x"] * 20)
    assert len(violations(flights_pb2.SearchFlightsRequest(legs=[leg]))) == MOST_VIOLATIONS


@pytest.mark.parametrize("name", [name for name, field in FIELDS.items() if field.is_repeated])
def test_every_list_in_a_request_has_a_limit(name: str) -> None:
    assert rules_of(FIELDS[name]).repeated.max_items > 0
