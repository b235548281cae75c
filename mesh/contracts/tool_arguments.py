"""Conversion between messages and the JSON of tools, which follows the schemas of `tool_schemas`.

Arguments are read as models write them: null and "" are absent, and "2" is a number.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from datetime import date
from typing import Any

from google.protobuf import json_format
from google.protobuf.descriptor import Descriptor, EnumDescriptor, FieldDescriptor
from google.protobuf.duration_pb2 import Duration
from google.protobuf.message import Message
from google.protobuf.message_factory import GetMessageClass
from google.protobuf.struct_pb2 import Struct
from google.protobuf.timestamp_pb2 import Timestamp

from mesh.contracts.tool_schemas import enum_words, is_withheld, map_value
from mesh.errors import FieldViolation, InvalidRequest

_SCALARS: Mapping[int, tuple[type | tuple[type, ...], str]] = {
    FieldDescriptor.CPPTYPE_STRING: (str, "must be a text"),
    FieldDescriptor.CPPTYPE_BOOL: (bool, "must be true or false"),
    FieldDescriptor.CPPTYPE_INT32: (int, "must be a whole number"),
    FieldDescriptor.CPPTYPE_INT64: (int, "must be a whole number"),
    FieldDescriptor.CPPTYPE_DOUBLE: ((int, float), "must be a number"),
}
_BITS = {FieldDescriptor.CPPTYPE_INT32: 32}
_TIME_OF_DAY = re.compile(r"([01][0-9]|2[0-3]):([0-5][0-9])")


def request_from(message: Descriptor, arguments: Mapping[str, Any]) -> Message:
    """Return a request of type `message` with these arguments.

    Raises:
        InvalidRequest: lists every argument that is unknown, withheld, or doesn't match the schema.
    """
    violations: list[FieldViolation] = []
    values = _values(message, arguments, "", violations)
    if violations:
        raise InvalidRequest(violations)
    request = GetMessageClass(message)()
    json_format.ParseDict(values, request)
    return request


def arguments_from(message: Message) -> dict[str, Any]:
    """Return a message's fields as arguments for `request_from`, without empty and withheld fields.

    Responses are written in the same form, for models to read.
    """
    return {
        field.name: _all_arguments(field, value)
        for field, value in message.ListFields()
        if not is_withheld(field)
    }


def _all_arguments(field: FieldDescriptor, value: Any) -> Any:
    if inner := map_value(field):
        return {key: _argument(inner, item) for key, item in value.items()}
    return [_argument(field, item) for item in value] if field.is_repeated else _argument(field, value)


def arguments_of(call: Message, oneof: str) -> dict[str, Any]:
    """Return the arguments in a `oneof` of requests and a `Struct`; none if a later release wrote them."""
    name = call.WhichOneof(oneof)
    if name is None:
        return {}
    request = getattr(call, name)
    return json_format.MessageToDict(request) if isinstance(request, Struct) else arguments_from(request)


def enum_word(message: Message, field: str) -> str:
    """Return the value of an enum's field without the enum's prefix; as a number if it has no name here."""
    return _word(message.DESCRIPTOR.fields_by_name[field].enum_type, getattr(message, field))


def _word(enum: Any, value: int) -> str:
    names = enum.values_by_number
    prefix = names[0].name.removesuffix("UNSPECIFIED")
    return names[value].name.removeprefix(prefix) if value in names else str(value)


def _argument(field: FieldDescriptor, value: Any) -> Any:
    if field.enum_type is not None:
        return _word(field.enum_type, value).lower()
    if field.message_type is None:
        return value
    match field.message_type.full_name:
        case "google.type.Date":
            return date(value.year, value.month, value.day).isoformat()
        case "google.type.TimeOfDay":
            return f"{value.hours:02}:{value.minutes:02}"
        case "google.protobuf.Timestamp":
            return value.ToJsonString()
        case "google.protobuf.Duration":
            return _iso_duration(value)
        case "google.type.Money":
            return {"amount": _amount(value), "currency_code": value.currency_code}
        case "google.protobuf.Struct":
            return json_format.MessageToDict(value)
    return arguments_from(value)


def _iso_duration(duration: Duration) -> str:
    """Return a duration in ISO 8601, such as `PT2H15M`. Parts of a second are dropped."""
    sign, seconds = ("-" if duration.seconds < 0 else ""), abs(duration.seconds)
    parts = (seconds // 3600, "H"), (seconds % 3600 // 60, "M"), (seconds % 60, "S")
    return f"{sign}PT" + ("".join(f"{count}{unit}" for count, unit in parts if count) or "0S")


def _amount(money: Message) -> str:
    """Return an amount as a decimal number with at least two decimals."""
    units, nanos = money.units, money.nanos  # type: ignore[attr-defined]  # google.type.Money
    cents = f"{abs(nanos):09}".rstrip("0").ljust(2, "0")
    return f"{'-' if units < 0 or nanos < 0 else ''}{abs(units)}.{cents}"


def _values(
    message: Descriptor, arguments: Mapping[str, Any], path: str, violations: list[FieldViolation]
) -> dict[str, Any]:
    values: dict[str, Any] = {}
    for name, given in arguments.items():
        field = message.fields_by_name.get(name)
        if field is None or is_withheld(field):
            violations.append(FieldViolation(path + name, "is not an argument of this tool"))
        elif not _is_absent(given):
            values[name] = (
                _list(field, given, path + name, violations)
                if field.is_repeated
                else _value(field, given, path + name, violations)
            )
    return values


def _is_absent(given: object) -> bool:
    """Return whether a value means that the argument isn't given, as models write it."""
    return given is None or (isinstance(given, str) and not given.strip())


def _list(field: FieldDescriptor, given: object, path: str, violations: list[FieldViolation]) -> list[Any]:
    if not isinstance(given, list):
        violations.append(FieldViolation(path, "must be a list"))
        return []
    items = [item for item in given if not _is_absent(item)]
    return [_value(field, item, f"{path}[{index}]", violations) for index, item in enumerate(items)]


def _value(field: FieldDescriptor, given: Any, path: str, violations: list[FieldViolation]) -> Any:
    try:
        if field.enum_type is not None:
            return _enum(field.enum_type, given)
        if field.message_type is None:
            return _scalar(field, given)
        match field.message_type.full_name:
            case "google.type.Date":
                return _date(given)
            case "google.type.TimeOfDay":
                return _time_of_day(given)
            case "google.protobuf.Timestamp":
                return _instant(given)
    except ValueError as error:
        violations.append(FieldViolation(path, str(error)))
        return None
    if not isinstance(given, Mapping):
        violations.append(FieldViolation(path, "must be an object"))
        return None
    return _values(field.message_type, given, path + ".", violations)


def _enum(enum: EnumDescriptor, given: object) -> str:
    words = enum_words(enum)
    if str(given).lower() not in words:
        raise ValueError(f"must be one of {', '.join(words)}")
    return enum.values_by_number[0].name.removesuffix("UNSPECIFIED") + str(given).upper()


def _scalar(field: FieldDescriptor, given: object) -> Any:
    types, problem = _SCALARS.get(field.cpp_type, (object, ""))
    if isinstance(given, str) and types is not str:
        given = _from_text(given)
    if types is int and isinstance(given, float) and given.is_integer():
        given = int(given)
    # In Python, a truth value is a number too.
    if not isinstance(given, types) or (isinstance(given, bool) and types is not bool):
        raise ValueError(problem)
    if isinstance(given, int) and given.bit_length() >= _BITS.get(field.cpp_type, 64):
        raise ValueError("must be a smaller number")
    return given


def _from_text(text: str) -> object:
    """Return the number or truth value that a model wrote as text; the text if it is neither."""
    try:
        return json.loads(text.strip().lower())
    except ValueError:
        return text


def _instant(given: object) -> object:
    try:
        Timestamp().FromJsonString(given)  # type: ignore[arg-type]  # any JSON value
    except (ValueError, TypeError, AttributeError):
        raise ValueError("must be a time such as 2026-12-31T18:30:00Z") from None
    return given


def _date(given: object) -> dict[str, int]:
    try:
        day = date.fromisoformat(str(given))
    except ValueError:
        raise ValueError("must be a date such as 2026-12-31") from None
    return {"year": day.year, "month": day.month, "day": day.day}


def _time_of_day(given: object) -> dict[str, int]:
    match = _TIME_OF_DAY.fullmatch(str(given))
    if match is None:
        raise ValueError("must be a time of day such as 18:30")
    return {"hours": int(match[1]), "minutes": int(match[2])}
