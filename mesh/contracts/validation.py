"""Requests are checked before a handler sees them: against the rules in the contracts (protovalidate), and for times that are none.

A field may hold any seconds, whatever `Timestamp` and `Duration` are defined to mean; what is out of their range has no place among
Python's times, so it is refused here and nobody behind has to ask.
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

_SECONDS = range(-62_135_596_800, 253_402_300_800)  # years 1 to 9999
_LONGEST_SECONDS = 315_576_000_000  # ten thousand years
_NANOS = range(1_000_000_000)
_TIMES = (Timestamp.DESCRIPTOR.full_name, Duration.DESCRIPTOR.full_name)


def validate(message: Message) -> None:
    """Checks one message. The interceptor does it for unary requests; handlers do it for messages of a request stream, so that
    one bad message need not end the stream.

    Raises:
        InvalidRequest: with every field that breaks its rule.
    """
    violations = list(_no_times(message))
    try:
        protovalidate.validate(message)
    except protovalidate.ValidationError as error:
        violations += map(_violation, error.violations)
    if violations:
        raise InvalidRequest(violations)


def is_time(timestamp: Timestamp) -> bool:
    """Whether it is in the range that `Timestamp` is defined for, and so of a datetime."""
    return timestamp.seconds in _SECONDS and timestamp.nanos in _NANOS


def is_duration(duration: Duration) -> bool:
    """Whether it is in the range that `Duration` is defined for, and so of a timedelta: both parts of one sign."""
    seconds, nanos = duration.seconds, duration.nanos
    return abs(seconds) <= _LONGEST_SECONDS and abs(nanos) in _NANOS and seconds * nanos >= 0


def _violation(violation: protovalidate.Violation) -> FieldViolation:
    path = ""
    for element in violation.proto.field.elements if violation.proto.field else ():
        path += f".{element.field_name}" if path else element.field_name
        subscript = element.subscript
        if subscript is not None and subscript.field == "index":
            path += f"[{subscript.value}]"
    return FieldViolation(path, violation.proto.message or violation.proto.rule_id)


def _no_times(message: Message) -> Iterator[FieldViolation]:
    """Every time and duration in a message that is out of range, however deep."""
    for field in _leading_to_times(message.DESCRIPTOR):
        for path, held in _held(message, field):
            if isinstance(held, Timestamp):
                if not is_time(held):
                    yield FieldViolation(path, "not a time")
            elif isinstance(held, Duration):
                if not is_duration(held):
                    yield FieldViolation(path, "not a duration")
            else:
                yield from (
                    FieldViolation(f"{path}.{found.field}", found.description) for found in _no_times(held)
                )


def _held(message: Message, field: FieldDescriptor) -> Iterator[tuple[str, Message]]:
    """The messages in a field, each with its path."""
    value = getattr(message, field.name)
    if not field.is_repeated:
        if message.HasField(field.name):
            yield field.name, value
        return
    for place, held in enumerate(value):
        yield f"{field.name}[{place}]", held


@cache
def _leading_to_times(descriptor: Descriptor) -> tuple[FieldDescriptor, ...]:
    """Fields that are times or hold some. Of most messages there are none, and then looking costs nothing."""
    return tuple(field for field in descriptor.fields if _holds_times(field, frozenset()))


def _holds_times(field: FieldDescriptor, around: frozenset[str]) -> bool:
    held = field.message_type
    if held is None or held.full_name in around:
        return False
    return held.full_name in _TIMES or any(
        _holds_times(inner, around | {held.full_name}) for inner in held.fields
    )
