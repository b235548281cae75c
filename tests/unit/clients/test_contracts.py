"""The client's dataclasses hold what official protobuf holds, for every message of the public contracts."""

from __future__ import annotations

from datetime import UTC, datetime
from random import Random
from typing import Any

import betterproto2
import pytest
from google.protobuf import json_format
from google.protobuf.message import DecodeError
from hypothesis import given, settings
from hypothesis import strategies as st
from readback_client import conversation, identity, to_json
from readback_client.contracts import decode, encode, from_json, from_official, pool, redacted, to_official
from readback_client.gen.message_pool import default_message_pool

from tests.random_messages import message

pytestmark = pytest.mark.unit

PREFIX = "type.googleapis.com/"
pool()
KINDS = {
    name: kind
    for url, kind in default_message_pool.url_to_type.items()
    if (name := url.removeprefix(PREFIX)).startswith("readback.")
}


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
