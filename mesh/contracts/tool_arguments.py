"""What a model writes into a tool's arguments, as the contract's request: the inverse of `tool_schemas`."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import date
from typing import Any

from google.protobuf import json_format
from google.protobuf.descriptor import Descriptor, EnumDescriptor, FieldDescriptor
from google.protobuf.message import Message
from google.protobuf.message_factory import GetMessageClass
from readback.options.v1 import options_pb2

from mesh.contracts.tool_schemas import enum_words
from mesh.errors import FieldViolation, InvalidRequest

_CLOCK = re.compile(r"([01][0-9]|2[0-3]):([0-5][0-9])")


def request_from(message: Descriptor, arguments: Mapping[str, Any]) -> Message:
    """A request of this type.

    Raises:
        InvalidRequest: an argument is unknown, none of the model's business, or of another form than the schema says; names each.
    """
    violations: list[FieldViolation] = []
    values = _values(message, arguments, "", violations)
    if violations:
        raise InvalidRequest(violations)
    request = GetMessageClass(message)()
    try:
        json_format.ParseDict(values, request)
    except json_format.ParseError as error:
        raise InvalidRequest([FieldViolation("", str(error))]) from None
    return request


def _values(
    message: Descriptor, arguments: Mapping[str, Any], path: str, violations: list[FieldViolation]
) -> dict[str, Any]:
    values: dict[str, Any] = {}
    for name, given in arguments.items():
        field = message.fields_by_name.get(name)
        if field is None or _is_withheld(field):
            violations.append(FieldViolation(path + name, "is not an argument of this tool"))
        elif given is not None:
            values[name] = (
                _list(field, given, path + name, violations)
                if field.is_repeated
                else _value(field, given, path + name, violations)
            )
    return values


def _is_withheld(field: FieldDescriptor) -> bool:
    options = field.GetOptions().Extensions[options_pb2.tool_field]
    return bool(options.hidden or options.from_context)


def _list(field: FieldDescriptor, given: object, path: str, violations: list[FieldViolation]) -> list[Any]:
    if not isinstance(given, list):
        violations.append(FieldViolation(path, "must be a list"))
        return []
    return [_value(field, item, f"{path}[{index}]", violations) for index, item in enumerate(given)]


def _value(field: FieldDescriptor, given: Any, path: str, violations: list[FieldViolation]) -> Any:
    try:
        if field.enum_type is not None:
            return _enum(field.enum_type, given)
        if field.message_type is None:
            return given
        match field.message_type.full_name:
            case "google.type.Date":
                return _date(given)
            case "google.type.TimeOfDay":
                return _time_of_day(given)
            case "google.protobuf.Timestamp":
                return given
    except ValueError as error:
        violations.append(FieldViolation(path, str(error)))
        return None
    if not isinstance(given, Mapping):
        violations.append(FieldViolation(path, "must be an object"))
        return None
    return _values(field.message_type, given, path + ".", violations)


def _enum(enum: EnumDescriptor, given: object) -> str:
    words = enum_words(enum)
    if given not in words:
        raise ValueError(f"must be one of {', '.join(words)}")
    return enum.values_by_number[0].name.removesuffix("UNSPECIFIED") + str(given).upper()


def _date(given: object) -> dict[str, int]:
    try:
        day = date.fromisoformat(str(given))
    except ValueError:
        raise ValueError("must be a date such as 2026-12-31") from None
    return {"year": day.year, "month": day.month, "day": day.day}


def _time_of_day(given: object) -> dict[str, int]:
    clock = _CLOCK.fullmatch(str(given))
    if clock is None:
        raise ValueError("must be a time of day such as 18:30")
    return {"hours": int(clock[1]), "minutes": int(clock[2])}
