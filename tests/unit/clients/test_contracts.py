"""The client's dataclasses hold what official protobuf holds, for every message of the public contracts."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from random import Random
from typing import Any

import betterproto2
import pytest
from google.protobuf import json_format, message_factory
from google.protobuf.descriptor import Descriptor, FieldDescriptor
from google.protobuf.message import DecodeError, Message
from hypothesis import given, settings
from hypothesis import strategies as st
from readback_client import conversation, identity, to_json
from readback_client.contracts import decode, encode, from_json, from_official, pool, redacted, to_official
from readback_client.gen.message_pool import default_message_pool

pytestmark = pytest.mark.unit

PREFIX = "type.googleapis.com/"
pool()
KINDS = {
    name: kind
    for url, kind in default_message_pool.url_to_type.items()
    if (name := url.removeprefix(PREFIX)).startswith("readback.")
}
WHOLE: Mapping[int, int] = {
    FieldDescriptor.CPPTYPE_INT32: 31,
    FieldDescriptor.CPPTYPE_INT64: 63,
    FieldDescriptor.CPPTYPE_UINT32: 32,
    FieldDescriptor.CPPTYPE_UINT64: 64,
}
"""Bits of the value, without a sign."""
LETTERS = 'aÄ✈ "\\\n\0😀-'


def value(field: FieldDescriptor, dice: Random, depth: int) -> Any:
    """Draw a value of one element of a field."""
    if field.message_type is not None:
        return message(field.message_type, dice, depth - 1)
    if field.enum_type is not None:
        return dice.choice(field.enum_type.values).number
    if bits := WHOLE.get(field.cpp_type):
        return dice.choice([0, 1, 2**bits - 1, dice.getrandbits(bits)])
    if field.cpp_type == FieldDescriptor.CPPTYPE_BOOL:
        return dice.random() < 0.5
    if field.cpp_type == FieldDescriptor.CPPTYPE_STRING:
        text = "".join(dice.choices(LETTERS, k=dice.randrange(6)))
        return text.encode() if field.type == FieldDescriptor.TYPE_BYTES else text
    return dice.choice([0.0, -1.5, 1e300, float("inf"), dice.random()])


def message(descriptor: Descriptor, dice: Random, depth: int = 4) -> Message:
    """Draw an official message of any content that the dataclasses can hold."""
    made: Any = message_factory.GetMessageClass(descriptor)()
    match descriptor.full_name:
        case "google.protobuf.Timestamp":
            made.seconds, made.nanos = dice.getrandbits(32), dice.randrange(10**6) * 1000
        case "google.protobuf.Duration":
            sign = dice.choice([1, -1])
            made.seconds, made.nanos = sign * dice.getrandbits(20), sign * dice.randrange(10**6) * 1000
        case "google.protobuf.Any":
            pass  # its JSON needs a type that both sides know
        case "google.protobuf.FieldMask":
            # In JSON a path is in lower camel case, so only snake case survives.
            made.paths.extend(dice.sample(["title", "display_name", "a.b_c"], dice.randrange(3)))
        case "google.protobuf.Struct":
            made.update({"a": dice.choice([None, True, 1.5, "x", ["y", {"b": None}]])})
        case _:
            for field in descriptor.fields:
                if dice.random() < 0.5 and not (field.message_type is not None and depth == 0):
                    _fill(made, field, dice, depth)
    return made  # type: ignore[no-any-return]


def _fill(made: Any, field: FieldDescriptor, dice: Random, depth: int) -> None:
    if field.message_type is not None and field.message_type.GetOptions().map_entry:
        key, content = field.message_type.fields
        getattr(made, field.name)[value(key, dice, depth)] = value(content, dice, depth)
    elif field.is_repeated:
        getattr(made, field.name).extend(value(field, dice, depth) for _ in range(dice.randrange(3)))
    elif field.message_type is not None:
        getattr(made, field.name).CopyFrom(value(field, dice, depth))
    else:
        setattr(made, field.name, value(field, dice, depth))


@pytest.mark.parametrize("name", sorted(KINDS))
@settings(max_examples=10, deadline=None)
@given(seed=st.integers(0, 2**32))
def test_bytes_and_json_are_those_of_official_protobuf(name: str, seed: int) -> None:
    official = message(pool().FindMessageTypeByName(name), Random(seed))
    value = from_official(KINDS[name], official)
    assert to_official(value) == official
    assert decode(KINDS[name], encode(value)) == value
    assert to_json(value) == json_format.MessageToJson(official, indent=None, ensure_ascii=False)
    assert from_json(KINDS[name], to_json(value)) == value
    # Programs may also use betterproto2's own codec; it agrees on valid messages.
    assert KINDS[name].parse(official.SerializeToString()) == value


def test_truncated_bytes_are_refused_though_betterproto2_accepts_them() -> None:
    data = encode(conversation.Conversation(conversation_id="a", title="Chennai to Delhi"))[:-1]
    with pytest.raises(DecodeError):
        decode(conversation.Conversation, data)


def test_two_fields_of_a_oneof_are_refused() -> None:
    both = conversation.Entry(utterance=conversation.Utterance(), tool_call=conversation.ToolCall())
    with pytest.raises(ValueError, match="utterance and tool_call exclude each other"):
        encode(both)


def test_a_time_without_a_zone_is_refused() -> None:
    with pytest.raises(ValueError, match="needs a time zone"):
        encode(conversation.WatchRequest(start_commit_time=datetime(2027, 1, 2)))


def test_nanoseconds_below_a_microsecond_are_lost() -> None:
    official: Any = to_official(conversation.Heartbeat(server_time=datetime(2027, 1, 2, tzinfo=UTC)))
    official.server_time.nanos = 1999
    heartbeat = from_official(conversation.Heartbeat, official)
    assert heartbeat.server_time == datetime(2027, 1, 2, 0, 0, 0, 1, tzinfo=UTC)


def test_a_value_of_a_later_version_is_kept() -> None:
    official: Any = to_official(conversation.Call(state=conversation.CallState.LIVE))
    official.state = 99
    call = from_official(conversation.Call, official)
    assert call.state == 99
    assert to_official(call) == official


def test_secrets_are_left_out_of_texts() -> None:
    tokens = identity.TokenPair(access_token="eyJ.secret", refresh_token="rbr_secret")
    assert "secret" not in redacted(tokens)
    assert "secret" not in repr(tokens)
    assert isinstance(tokens, betterproto2.Message)
