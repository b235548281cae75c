"""Violations of field rules are plain sentences; long lists are refused before their items are read."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import protovalidate
import pytest
from buf.validate import validate_pb2
from google.protobuf.descriptor import Descriptor, FieldDescriptor
from google.protobuf.message import Message
from google.protobuf.message_factory import GetMessageClass
from readback.conversation.v1 import conversation_service_pb2 as conversation
from readback.conversation.v1 import entry_pb2
from readback.flightdata.v1 import flightdata_service_pb2, flights_pb2
from readback.identity.v1 import identity_service_pb2 as identity
from readback.internal.conversation.v1 import call_record_service_pb2 as call_record
from readback.internal.conversation.v1 import consent_evidence_service_pb2 as evidence
from readback.internal.identity.v1 import identity_internal_service_pb2 as identity_internal

from mesh.contracts.validation import (
    MOST_PARTS,
    MOST_VIOLATIONS,
    code_form,
    field_rules,
    is_optional,
    validate,
)
from mesh.errors import InvalidRequest
from mesh.ids import uuid7

pytestmark = pytest.mark.unit

REQUESTS = [
    method.input_type
    for file in (conversation, call_record, evidence, flightdata_service_pb2, identity, identity_internal)
    for service in file.DESCRIPTOR.services_by_name.values()
    for method in service.methods
]
REGEX = set("^$[]{}\\|*+?")


def fields_of(descriptor: Descriptor, seen: frozenset[str] = frozenset()) -> Iterator[FieldDescriptor]:
    """Yield the fields of a message and of the messages in it, except those whose rules don't apply."""
    for field in descriptor.fields:
        if field_rules(field).ignore == validate_pb2.IGNORE_ALWAYS:
            continue
        yield field
        inner = field.message_type
        if inner is not None and inner.full_name not in seen and inner.file.package.startswith("readback."):
            yield from fields_of(inner, seen | {inner.full_name})


FIELDS = {field.full_name: field for request in REQUESTS for field in fields_of(request)}
RULED = [name for name, field in FIELDS.items() if field.GetOptions().HasExtension(validate_pb2.field)]


def bad_values(field: FieldDescriptor, rules: validate_pb2.FieldRules) -> Iterator[Any]:
    """Yield values that break the rules of a field, or of the items of a list, one by one."""
    text = rules.string
    if text.uuid or text.email or code_form(rules):
        yield "no such thing!"
    if text.min_len and not is_optional(rules):
        yield ""
    if text.max_len:
        yield "x" * (text.max_len + 1)
    steps = {"gte": -1, "lte": 1, "gt": 0}
    for bound, value in (*rules.int32.ListFields(), *rules.int64.ListFields()):
        yield value + steps[bound.name]
    if rules.HasField("bool"):
        yield not rules.bool.const
    if rules.enum.defined_only:
        yield 99
    yield from rules.enum.not_in


def broken(field: FieldDescriptor) -> Iterator[Message]:
    """Yield messages in which one field breaks one of its rules."""
    assert field.containing_type is not None
    rules, message = field_rules(field), GetMessageClass(field.containing_type)
    if field.is_repeated:
        repeated = rules.repeated
        if repeated.min_items:
            yield message()
        if repeated.max_items and field.message_type is None:
            item: Any = "x" if field.type == FieldDescriptor.TYPE_STRING else 1
            yield message(**{field.name: [item] * (repeated.max_items + 1)})
        for value in bad_values(field, repeated.items):
            yield message(**{field.name: [value]})
    elif rules.required:
        yield message()
    else:
        for value in bad_values(field, rules):
            yield message(**{field.name: value})


def violations(message: Message) -> dict[str, str]:
    with pytest.raises(InvalidRequest) as refused:
        validate(message)
    return {violation.field: violation.description for violation in refused.value.violations}


@pytest.mark.parametrize("name", RULED)
def test_a_broken_rule_names_its_field_in_plain_words(name: str) -> None:
    field = FIELDS[name]
    messages = list(broken(field))
    assert messages or field.message_type is not None, "the test doesn't know this rule"
    for message in messages:
        found = violations(message)
        ours = [words for path, words in found.items() if path.partition("[")[0] == field.name]
        assert ours, f"{found} doesn't name {field.name}"
        for words in found.values():
            assert not REGEX & set(words), words
            assert words.startswith(("must ", "has ", "value is ", "exactly one ")), words


def test_a_violated_code_is_shown_with_an_example() -> None:
    leg = flights_pb2.SearchLeg(origin="Chennai", carrier_codes=["Air India"])
    found = violations(flights_pb2.SearchFlightsRequest(legs=[leg]))
    assert found["legs[0].origin"] == "must be the IATA code of an airport or a city, such as MAA"
    assert found["legs[0].carrier_codes[0]"] == "must be the IATA code of an airline, such as AI"


def test_a_violated_enum_lists_its_values() -> None:
    found = violations(
        conversation.WatchRequest(filter=conversation.EntryFilter(speakers=[entry_pb2.SPEAKER_UNSPECIFIED]))
    )
    assert found == {"filter.speakers[0]": "must be one of SPEAKER_CUSTOMER, SPEAKER_AGENT"}


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
    leg = flights_pb2.SearchLeg(carrier_codes=["x"] * 20, excluded_carrier_codes=["x"] * 20)
    assert len(violations(flights_pb2.SearchFlightsRequest(legs=[leg]))) == MOST_VIOLATIONS


@pytest.mark.parametrize("name", [name for name, field in FIELDS.items() if field.is_repeated])
def test_every_list_in_a_request_has_a_limit(name: str) -> None:
    assert field_rules(FIELDS[name]).repeated.max_items > 0
