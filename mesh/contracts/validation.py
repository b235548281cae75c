"""Validation of requests: the contracts' rules (protovalidate), and the ranges of times and durations.

A `Timestamp` or `Duration` field may hold values outside its defined range, which Python's types can't
represent. `validate` refuses such values, so that no handler needs to check. It refuses too long lists before
it looks at their items: checking 20,000 items would block the event loop for a second. Rules inside a field
that the contract ignores don't apply; only the times in it are checked, up to a limit.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from functools import cache

import protovalidate
from buf.validate import validate_pb2
from google.protobuf.descriptor import Descriptor, FieldDescriptor
from google.protobuf.duration_pb2 import Duration
from google.protobuf.message import Message
from google.protobuf.timestamp_pb2 import Timestamp

from mesh.errors import FieldViolation, InvalidRequest

_TIMESTAMP_SECONDS = range(-62_135_596_800, 253_402_300_800)  # years 1 to 9999
_MAX_DURATION_SECONDS = 315_576_000_000  # ten thousand years
_NANOS = range(1_000_000_000)
MOST_VIOLATIONS = 20
"""Maximum number of violations in an error."""
MOST_PARTS = 20_000
"""Maximum number of messages with times in a message. Checking them takes a tenth of a second."""
PATTERNS: Mapping[str, str] = {
    "^[A-Z0-9]{3}$": "must be the IATA code of an airport or a city, such as MAA",
    "^$|^[A-Z0-9]{3}$": "must be the IATA code of an airport or a city, such as MAA, or empty",
    "^[A-Z0-9]{2}$": "must be the IATA code of an airline, such as AI",
    "^[A-Z0-9]{2}[0-9]{1,4}$": "must be a flight number without spaces, such as AI542",
    "^$|^[A-Z]{2}$": "must be the two-letter code of a country, such as IN, or empty",
    "^$|^[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}$": "must be a UUID, or empty",
    "^$|^[a-z]{2,3}(-[A-Za-z0-9]{2,8})*$": "must be a language tag, such as en-IN, or empty",
}
"""The contracts' patterns in words, because people and models read the errors."""
_TIMES = (Timestamp.DESCRIPTOR.full_name, Duration.DESCRIPTOR.full_name)


def validate(message: Message) -> None:
    """Check a message against its contract.

    The interceptor calls it for single requests; handlers call it for each message of a request stream.

    Raises:
        InvalidRequest: lists the fields that break their rules, at most `MOST_VIOLATIONS`.
    """
    if too_long := list(_too_long_lists(message)):
        raise InvalidRequest(too_long)
    violations = list(_time_violations(message, iter(range(MOST_PARTS))))
    try:
        protovalidate.validate(message)
    except protovalidate.ValidationError as error:
        violations += map(_violation, error.violations)
    if violations:
        raise InvalidRequest(violations[:MOST_VIOLATIONS])


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
    return FieldViolation(path, _in_words(violation))


def _in_words(violation: protovalidate.Violation) -> str:
    if violation.proto.rule_id == "string.pattern":
        return PATTERNS.get(str(violation.rule_value), "has the wrong form")
    return violation.proto.message or violation.proto.rule_id


def _too_long_lists(message: Message) -> Iterator[FieldViolation]:
    """Yield every list with more items than its contract allows, at any depth, without reading long lists."""
    for name, most, inside in _limited_lists(message.DESCRIPTOR):
        if most and len(getattr(message, name)) > most:
            yield FieldViolation(name, f"has more than {most} items")
        elif inside:
            for path, value in _messages_in(message, inside):
                for inner in _too_long_lists(value):
                    yield FieldViolation(f"{path}.{inner.field}", inner.description)


@cache
def _limited_lists(descriptor: Descriptor) -> Sequence[tuple[str, int, FieldDescriptor | None]]:
    """Return the name of each field that is or contains a limited list, its limit (0 if it has none), and the
    field if it contains such lists.
    """
    fields = []
    for field in descriptor.fields:
        ignored = field_rules(field).ignore == validate_pb2.IGNORE_ALWAYS
        most, inside = _most_items(field), not ignored and _contains_limited_lists(field, frozenset())
        if most or inside:
            fields.append((field.name, most, field if inside else None))
    return fields


def field_rules(field: FieldDescriptor) -> validate_pb2.FieldRules:
    """Return the rules in the contract of a field."""
    rules: validate_pb2.FieldRules = field.GetOptions().Extensions[validate_pb2.field]
    return rules


def is_optional(rules: validate_pb2.FieldRules) -> bool:
    """Return whether the rules allow an absent or empty value, whatever else they say."""
    return rules.ignore == validate_pb2.IGNORE_IF_ZERO_VALUE


def _most_items(field: FieldDescriptor) -> int:
    return field_rules(field).repeated.max_items if field.is_repeated else 0


def _contains_limited_lists(field: FieldDescriptor, parents: frozenset[str]) -> bool:
    kind = field.message_type
    if kind is None or kind.full_name in parents:
        return False
    return any(
        _most_items(inner) or _contains_limited_lists(inner, parents | {kind.full_name})
        for inner in kind.fields
    )


def _time_violations(message: Message, budget: Iterator[int]) -> Iterator[FieldViolation]:
    """Yield every time and duration that is out of range, at any depth. Stop when `budget` is exhausted."""
    for field in fields_containing(message.DESCRIPTOR, _TIMES):
        for path, value in _messages_in(message, field):
            if next(budget, None) is None:
                yield FieldViolation(path, f"the message has more than {MOST_PARTS} parts with times")
                return
            if isinstance(value, Timestamp):
                if not is_time(value):
                    yield FieldViolation(path, "not a time")
            elif isinstance(value, Duration):
                if not is_duration(value):
                    yield FieldViolation(path, "not a duration")
            else:
                for inner in _time_violations(value, budget):
                    yield FieldViolation(f"{path}.{inner.field}", inner.description)


def _messages_in(message: Message, field: FieldDescriptor) -> Iterator[tuple[str, Message]]:
    value = getattr(message, field.name)
    if field.is_repeated:
        yield from ((f"{field.name}[{index}]", item) for index, item in enumerate(value))
    elif message.HasField(field.name):
        yield field.name, value


@cache
def fields_containing(descriptor: Descriptor, types: tuple[str, ...]) -> tuple[FieldDescriptor, ...]:
    """Return the fields that are or contain messages of these types, given by full name.

    Most messages have none, so most walks over a message cost nothing.
    """
    return tuple(field for field in descriptor.fields if _contains(field, types, frozenset()))


def _contains(field: FieldDescriptor, types: tuple[str, ...], parents: frozenset[str]) -> bool:
    kind = field.message_type
    if kind is None or kind.full_name in parents:
        return False
    return kind.full_name in types or any(
        _contains(inner, types, parents | {kind.full_name}) for inner in kind.fields
    )
