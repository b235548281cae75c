"""JSON of responses: as official protobuf writes it, byte for byte, but dates and times of day are texts."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from random import Random
from typing import Any

import pytest
from buf.validate import validate_pb2
from google.protobuf import json_format, struct_pb2, wrappers_pb2
from google.protobuf.any_pb2 import Any as PackedAny
from google.protobuf.descriptor import Descriptor, FieldDescriptor
from google.protobuf.message import Message
from google.protobuf.timestamp_pb2 import Timestamp
from google.rpc.status_pb2 import Status
from google.type.date_pb2 import Date
from google.type.timeofday_pb2 import TimeOfDay
from hypothesis import given, settings
from hypothesis import strategies as st

from services.gateway.app import BOOKING, CONVERSATION, FLIGHTDATA, IDENTITY
from services.gateway.compact_json import compact_json
from services.gateway.http.json_writer import to_json
from services.gateway.http.routes import public_methods
from tests.random_messages import message

pytestmark = pytest.mark.unit
RESPONSES = {
    method.output_type.full_name: method.output_type
    for method in public_methods([IDENTITY, CONVERSATION, FLIGHTDATA, BOOKING])
}


def official(written: Message) -> dict[str, Any]:
    """Return what official protobuf writes, with texts for dates and times of day."""
    result: dict[str, Any] = json_format.MessageToDict(written, always_print_fields_with_no_presence=True)
    for field, value in written.ListFields():
        if field.message_type is None or field.message_type.full_name.startswith("google.protobuf."):
            continue
        if field.message_type.GetOptions().map_entry:
            continue
        values = [text(item) for item in (value if field.is_repeated else [value])]
        result[field.json_name] = values if field.is_repeated else values[0]
    return result


def text(value: Message) -> object:
    """Return the text of a date or a time of day; other messages as `official` does."""
    if isinstance(value, Date):
        return f"{value.year:04d}-{value.month:02d}-{value.day:02d}"
    if isinstance(value, TimeOfDay):
        return f"{value.hours:02d}:{value.minutes:02d}" + (f":{value.seconds:02d}" if value.seconds else "")
    return official(value)


def kinds(descriptor: Descriptor, found: set[str]) -> Iterator[FieldDescriptor]:
    """Yield all fields in a message and in the messages in it."""
    if descriptor.full_name not in found:
        found.add(descriptor.full_name)
        for field in descriptor.fields:
            yield field
            if field.message_type is not None:
                yield from kinds(field.message_type, found)


@pytest.mark.parametrize("name", sorted(RESPONSES))
@settings(max_examples=20, deadline=None)
@given(seed=st.integers(0, 2**32))
def test_each_response_is_written_as_official_protobuf_writes_it(name: str, seed: int) -> None:
    drawn = message(RESPONSES[name], Random(seed), depth=6)
    assert compact_json(to_json(drawn)) == compact_json(official(drawn))


def test_no_map_of_a_response_has_dates_or_times() -> None:
    """The comparison above doesn't look into maps."""
    for response in RESPONSES.values():
        for field in kinds(response, set()):
            if field.message_type is not None and field.message_type.GetOptions().map_entry:
                value = field.message_type.fields_by_name["value"].message_type
                inside = set() if value is None else {one.message_type for one in kinds(value, set())}
                assert not {Date.DESCRIPTOR, TimeOfDay.DESCRIPTOR} & {value, *inside}


def test_types_with_a_json_of_their_own_are_written_as_official_protobuf_writes_them() -> None:
    packed = PackedAny()
    packed.Pack(Timestamp(seconds=1, nanos=5000))
    values: list[Message] = [
        Status(code=3, details=[packed, PackedAny()]),
        struct_pb2.Struct(fields={"a": struct_pb2.Value(list_value=struct_pb2.ListValue())}),
        wrappers_pb2.BytesValue(value=b"\xff\xfe"),
    ]
    for value in values:
        holder = PackedAny()
        holder.Pack(value)
        assert to_json(Status(details=[holder])) == json_format.MessageToDict(
            Status(details=[holder]), always_print_fields_with_no_presence=True
        )


@pytest.mark.parametrize("rules", [validate_pb2.DoubleRules, validate_pb2.FloatRules])
@pytest.mark.parametrize("number", [float("nan"), float("inf"), float("-inf"), 3e38, 1.1, -0.0])
def test_numbers_that_json_lacks_are_texts(rules: Callable[..., Message], number: float) -> None:
    drawn = rules(const=number, example=[number, number])
    assert compact_json(to_json(drawn)) == compact_json(official(drawn))
