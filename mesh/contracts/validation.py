"""Validation of requests: the contracts' rules (protovalidate), and the ranges of times and durations.

A `Timestamp` or `Duration` field may hold values outside its defined range, which Python's types can't
represent. `validate` refuses such values, so that no handler needs to check.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache

import protovalidate
from google.protobuf.descriptor import Descriptor, FieldDescriptor
from google.protobuf.duration_pb2 import Duration
from google.protobuf.message import Message
from google.protobuf.timestamp_pb2 import Timestamp

from mesh.errors import FieldViolation, InvalidRequest

_TIMESTAMP_SECONDS = range(-62_135_596_800, 253_402_300_800)  # years 1 to 9999
_MAX_DURATION_SECONDS = 315_576_000_000  # ten thousand years
_NANOS = range(1_000_000_000)
_TIMES = (Timestamp.DESCRIPTOR.full_name, Duration.DESCRIPTOR.full_name)


def validate(message: Message) -> None:
    """Check a message against its contract.

    The interceptor calls it for single requests; handlers call it for each message of a request stream.

    Raises:
        InvalidRequest: lists every field that breaks its rule.
    """
    violations = list(_time_violations(message))
    try:
        protovalidate.validate(message)
    except protovalidate.ValidationError as error:
        violations += map(_violation, error.violations)
    if violations:
        raise InvalidRequest(violations)


def is_time(timestamp: Timestamp) -> bool:
    """Return whether a timestamp is in its defined range, which is also the range of `datetime`."""
    return timestamp.seconds in _TIMESTAMP_SECONDS and timestamp.nanos in _NANOS


def is_duration(duration: Duration) -> bool:
    """Return whether a duration is in its defined range, and its two parts have the same sign."""
    seconds, nanos = duration.seconds, duration.nanos
    return abs(seconds) <= _MAX_DURATION_SECONDS and abs(nanos) in _NANOS and seconds * nanos >= 0


def _violation(violation: protovalidate.Violation) -> FieldViolation:
    path = ""
    for element in violation.proto.field.elements if violation.proto.field else ():
        path += f".{element.field_name}" if path else element.field_name
        subscript = element.subscript
        if subscript is not None and subscript.field == "index":
            path += f"[{subscript.value}]"
    return FieldViolation(path, violation.proto.message or violation.proto.rule_id)


def _time_violations(message: Message) -> Iterator[FieldViolation]:
    """Yield every time and duration that is out of range, at any depth."""
    for field in _fields_with_times(message.DESCRIPTOR):
        for path, value in _messages_in(message, field):
            if isinstance(value, Timestamp):
                if not is_time(value):
                    yield FieldViolation(path, "not a time")
            elif isinstance(value, Duration):
                if not is_duration(value):
                    yield FieldViolation(path, "not a duration")
            else:
                for inner in _time_violations(value):
                    yield FieldViolation(f"{path}.{inner.field}", inner.description)


def _messages_in(message: Message, field: FieldDescriptor) -> Iterator[tuple[str, Message]]:
    value = getattr(message, field.name)
    if field.is_repeated:
        yield from ((f"{field.name}[{index}]", item) for index, item in enumerate(value))
    elif message.HasField(field.name):
        yield field.name, value


@cache
def _fields_with_times(descriptor: Descriptor) -> tuple[FieldDescriptor, ...]:
    """Return the fields that are or contain times. Most messages have none, so most checks cost nothing."""
    return tuple(field for field in descriptor.fields if _contains_times(field, frozenset()))


def _contains_times(field: FieldDescriptor, parents: frozenset[str]) -> bool:
    kind = field.message_type
    if kind is None or kind.full_name in parents:
        return False
    return kind.full_name in _TIMES or any(
        _contains_times(inner, parents | {kind.full_name}) for inner in kind.fields
    )
