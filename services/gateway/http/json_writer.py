"""Messages as JSON: ProtoJSON, but a `google.type.Date` is `2026-12-01` and a `TimeOfDay` is `18:30`.

A function that writes messages is made once for each type, because `json_format` reads the descriptors for
every message.
"""

from __future__ import annotations

import base64
import math
from collections.abc import Callable
from functools import cache
from operator import methodcaller
from typing import Any

from google.protobuf import json_format
from google.protobuf.descriptor import Descriptor, FieldDescriptor
from google.protobuf.internal.type_checkers import ToShortestFloat
from google.protobuf.message import Message

Write = Callable[[Any], Any]
"""Turns the value of a field into JSON."""
DATE, TIME_OF_DAY = "google.type.Date", "google.type.TimeOfDay"
_TEXTS = {f"google.protobuf.{name}" for name in ("Timestamp", "Duration", "FieldMask")}
"""Types whose JSON is the text that `ToJsonString` returns."""
_INT64 = (FieldDescriptor.CPPTYPE_INT64, FieldDescriptor.CPPTYPE_UINT64)


def to_json(message: Message) -> dict[str, Any]:
    """Return a message as a JSON object with `lowerCamelCase` names.

    Fields without presence are always there, so that clients needn't know default values. The set fields come
    first, in the order of their numbers.
    """
    written: dict[str, Any] = _message_writer(message.DESCRIPTOR)(message)
    return written


@cache
def _message_writer(descriptor: Descriptor) -> Write:
    if descriptor.full_name == DATE:
        return _date
    if descriptor.full_name == TIME_OF_DAY:
        return _time_of_day
    if descriptor.full_name in _TEXTS:
        return methodcaller("ToJsonString")
    if descriptor.full_name.startswith("google.protobuf."):
        return _any_json
    fields = {field: (field.json_name, _field_writer(field)) for field in descriptor.fields}
    without_presence = [
        (*fields[field], field.default_value) for field in descriptor.fields if not field.has_presence
    ]

    def write(message: Message) -> dict[str, Any]:
        result = {}
        for field, value in message.ListFields():
            name, write_value = fields[field]
            result[name] = write_value(value) if write_value else value
        for name, write_value, default in without_presence:
            if name not in result:
                result[name] = write_value(default) if write_value else default
        return result

    return write


def _field_writer(field: FieldDescriptor) -> Write | None:
    """Return how to write the value of a field; None if the value is its own JSON."""
    if field.message_type is not None and field.message_type.GetOptions().map_entry:
        return _map_writer(field.message_type)
    write = _single_writer(field)
    if not field.is_repeated:
        return write
    return (lambda values: list(map(write, values))) if write else list


def _map_writer(entry: Descriptor) -> Write:
    write = _single_writer(entry.fields_by_name["value"])
    # `json` makes texts of the keys.
    return (lambda values: {key: write(values[key]) for key in values}) if write else dict


def _single_writer(field: FieldDescriptor) -> Write | None:
    if (kind := field.message_type) is not None:
        # Found at the first message, because a type may contain itself.
        return lambda message: _message_writer(kind)(message)
    if field.enum_type is not None:
        names = {value.number: value.name for value in field.enum_type.values}
        return lambda number: names.get(number, number)
    if field.cpp_type in _INT64:
        return str
    if field.cpp_type == FieldDescriptor.CPPTYPE_DOUBLE:
        return _double
    if field.cpp_type == FieldDescriptor.CPPTYPE_FLOAT:
        return lambda number: ToShortestFloat(number) if math.isfinite(number) else _double(number)
    return _base64 if field.type == FieldDescriptor.TYPE_BYTES else None


def _double(number: float) -> float | str:
    if math.isfinite(number):
        return number
    return "NaN" if math.isnan(number) else "Infinity" if number > 0 else "-Infinity"


def _base64(value: bytes) -> str:
    return base64.b64encode(value).decode()


def _any_json(message: Message) -> object:
    """Write a type whose JSON depends on its content, such as `Struct` and `Any`."""
    written: object = json_format.MessageToDict(message, always_print_fields_with_no_presence=True)
    return written


def _date(date: Any) -> str:
    return f"{date.year:04}-{date.month:02}-{date.day:02}"


def _time_of_day(time: Any) -> str:
    seconds = f":{time.seconds:02}" if time.seconds else ""
    return f"{time.hours:02}:{time.minutes:02}{seconds}"
