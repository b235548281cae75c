"""Times and durations that are out of range are refused, in every message of every contract."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC

import pytest
from google.protobuf.descriptor import Descriptor, FieldDescriptor
from google.protobuf.duration_pb2 import Duration
from google.protobuf.message import Message
from google.protobuf.message_factory import GetMessageClass
from google.protobuf.timestamp_pb2 import Timestamp
from hypothesis import given
from hypothesis import strategies as st
from readback.conversation.v1 import conversation_service_pb2 as conversation
from readback.flightdata.v1 import flightdata_service_pb2
from readback.identity.v1 import identity_service_pb2 as identity
from readback.internal.conversation.v1 import call_record_service_pb2 as call_record
from readback.internal.identity.v1 import identity_internal_service_pb2 as identity_internal

from mesh.contracts.validation import is_duration, is_time, validate
from mesh.errors import InvalidRequest

pytestmark = pytest.mark.unit

FILES = (conversation, call_record, flightdata_service_pb2, identity, identity_internal)
REQUESTS = {
    m.input_type for file in FILES for s in file.DESCRIPTOR.services_by_name.values() for m in s.methods
}
TIMES = (Timestamp.DESCRIPTOR.full_name, Duration.DESCRIPTOR.full_name)
AnyTime = Timestamp | Duration
Path = tuple[FieldDescriptor, ...]
SECONDS = st.one_of(
    st.integers(-(2**63), 2**63 - 1),
    st.sampled_from([-62_135_596_801, -62_135_596_800, 253_402_300_799, 253_402_300_800]),
)
SPANS = st.one_of(
    SECONDS, st.sampled_from([sign * (315_576_000_000 + more) for sign in (1, -1) for more in (0, 1)])
)
NANOS = st.one_of(
    st.integers(-(2**31), 2**31 - 1),
    st.sampled_from([-1_000_000_000, -999_999_999, 0, 1, 999_999_999, 1_000_000_000]),
)


def paths_to_times(descriptor: Descriptor, before: Path = ()) -> Iterator[Path]:
    """Yield every path from a message to a time in it; skips recursive messages."""
    for field in descriptor.fields:
        held = field.message_type
        if held is not None and held.full_name in TIMES:
            yield (*before, field)
        elif held is not None and held not in [step.message_type for step in before]:
            yield from paths_to_times(held, (*before, field))


PATHS = {
    f"{request.name}.{'.'.join(f.name for f in path)}": (request, path)
    for request in REQUESTS
    for path in paths_to_times(request)
}


def at_the_end_of(message: Message, path: Path) -> AnyTime:
    """Create the messages on a path and return the time at its end."""
    for field in path:
        value = getattr(message, field.name)
        message = value.add() if field.is_repeated else value
        message.SetInParent()
    assert isinstance(message, AnyTime)
    return message


def refused(message: Message) -> dict[str, str]:
    """Return the refused fields with their reasons."""
    try:
        validate(message)
    except InvalidRequest as error:
        return {violation.field: violation.description for violation in error.violations}
    return {}


def test_only_fields_with_times_are_checked_for_times() -> None:
    assert {
        "WatchRequest.start_commit_time",
        "WatchRequest.heartbeat_interval",
        "AppendRequest.drafts.end_time",
    } <= PATHS.keys()


@pytest.mark.parametrize("seconds", [10**18, -(10**18)])
@pytest.mark.parametrize("name", sorted(PATHS))
def test_an_invalid_time_is_refused_in_any_field(name: str, seconds: int) -> None:
    request, path = PATHS[name]
    message = GetMessageClass(request)()
    time = at_the_end_of(message, path)
    where = ".".join(f"{field.name}[0]" if field.is_repeated else field.name for field in path)
    assert not refused(message).get(where, "").startswith("not a")
    time.seconds = seconds
    assert refused(message)[where] == ("not a time" if isinstance(time, Timestamp) else "not a duration")


def test_invalid_times_are_listed_with_other_violations() -> None:
    request = conversation.SearchEntriesRequest(
        page_size=-1, query="flight", end_commit_time=Timestamp(nanos=-1)
    )
    assert refused(request).keys() == {"page_size", "end_commit_time"}


@given(SECONDS, NANOS)
def test_accepted_timestamps_are_exactly_protobufs_datetimes(seconds: int, nanos: int) -> None:
    timestamp = Timestamp(seconds=seconds, nanos=nanos)
    if is_time(timestamp):
        assert timestamp.ToDatetime(UTC).year in range(1, 10_000)
    else:
        with pytest.raises(ValueError, match=r".*"):
            timestamp.ToJsonString()


@given(SPANS, NANOS)
def test_accepted_durations_are_exactly_protobufs_timedeltas(seconds: int, nanos: int) -> None:
    duration = Duration(seconds=seconds, nanos=nanos)
    if is_duration(duration):
        assert int(duration.ToTimedelta().total_seconds()) in range(-315_576_000_001, 315_576_000_002)
    else:
        with pytest.raises(ValueError, match=r".*"):
            duration.ToJsonString()
