"""Validation of requests: the contracts' rules (protovalidate), and the ranges of times and durations.

A `Timestamp` or `Duration` field may hold values outside its defined range, which Python's types can't
represent. `validate` refuses such values, so that no handler needs to check. It refuses too long lists before
it looks at their items: checking 20,000 items would block the event loop for a second. Rules inside a field
that the contract ignores don't apply; only the times in it are checked, up to a limit.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from functools import cache
from typing import NamedTuple, cast

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
_EXPRESSION = re.compile(r"this\.matches\('(.*)'\)")
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
        violations += (_violation(message, violation) for violation in error.violations)
    if violations:
        raise InvalidRequest(violations[:MOST_VIOLATIONS])


def is_time(timestamp: Timestamp) -> bool:
    """Return whether a timestamp is in its defined range, which is also the range of `datetime`."""
    return timestamp.seconds in _TIMESTAMP_SECONDS and timestamp.nanos in _NANOS


def is_duration(duration: Duration) -> bool:
    """Return whether a duration is in its defined range, and its two parts have the same sign."""
    seconds, nanos = duration.seconds, duration.nanos
    return abs(seconds) <= _MAX_DURATION_SECONDS and abs(nanos) in _NANOS and seconds * nanos >= 0


def _violation(message: Message, violation: protovalidate.Violation) -> FieldViolation:
    path, inside = "", message.DESCRIPTOR
    field: FieldDescriptor | None = None
    for element in violation.proto.field.elements if violation.proto.field else ():
        path += f".{element.field_name}" if path else element.field_name
        subscript = element.subscript
        if subscript is not None and subscript.field == "index":
            path += f"[{subscript.value}]"
        # The name may be a oneof's.
        field = cast("FieldDescriptor | None", inside.fields_by_name.get(element.field_name))
        inside = (field and field.message_type) or inside
    return FieldViolation(path, _in_words(violation.proto.rule_id, violation.proto.message, field))


def _in_words(rule: str, words: str, field: FieldDescriptor | None) -> str:
    """Return a rule's message; one of our own where the library's is about lists and counts."""
    if rule.startswith("enum.") and field is not None and field.enum_type is not None:
        refused = (field_rules(field).repeated.items if field.is_repeated else field_rules(field)).enum.not_in
        names = [value.name for value in field.enum_type.values if value.number not in refused]
        return f"must be one of {', '.join(names)}"
    if rule in {"string.min_len", "repeated.min_items"} and " 1 " in words:
        return "must not be empty"
    return words


class CodeForm(NamedTuple):
    """Form of a code, as a rule of `rules.proto` states it."""

    kind: str
    """Name of the rule, for example `flight_number`."""
    pattern: str
    """Regular expression for JSON schemas."""
    words: str
    """The same for people; begins with `must be`."""


def code_form(rules: validate_pb2.FieldRules) -> CodeForm | None:
    """Return the form of the code that a field or a list item must be; None if it isn't a code."""
    for rule, _ in rules.string.ListFields():
        if rule.is_extension:
            (cel,) = rule.GetOptions().Extensions[validate_pb2.predefined].cel
            found = _EXPRESSION.search(cel.expression)
            assert found, f"{rule.full_name} has no pattern"
            empty = ("^$|", ", or empty") if is_optional(rules) else ("", "")
            return CodeForm(rule.name, empty[0] + found[1], cel.message + empty[1])
    return None


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


def is_required(field: FieldDescriptor) -> bool:
    """Return whether a request without the field is refused."""
    rules = field_rules(field)
    text = rules.string
    return not is_optional(rules) and bool(
        rules.required
        or text.min_len
        or text.uuid
        or text.email
        or rules.repeated.min_items
        or code_form(rules)
    )


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
