"""JSON as messages: ProtoJSON, but a `google.type.Date` is `2026-12-01` and a `TimeOfDay` is `18:30`.

Reading is stricter than ProtoJSON: an unknown field, a wrong type and two fields of one `oneof` are errors.
All errors are reported at once, with the field's path. Names are `lowerCamelCase` or as in the contract.
"""

from __future__ import annotations

import base64
import binascii
import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from dataclasses import field as dataclass_field
from datetime import date
from functools import cache
from typing import Any, TypeGuard

from google.protobuf import json_format
from google.protobuf.descriptor import Descriptor, EnumDescriptor, FieldDescriptor
from google.protobuf.field_mask_pb2 import FieldMask
from google.protobuf.message import Message

from mesh.errors import FieldViolation
from services.gateway.http.json_writer import DATE, TIME_OF_DAY

_TIME_OF_DAY = re.compile(r"([01][0-9]|2[0-3]):([0-5][0-9])(?::([0-5][0-9]))?")
_WELL_KNOWN = {
    "google.protobuf.Timestamp": "must be a time such as 2026-12-01T08:30:00Z",
    "google.protobuf.Duration": "must be a duration in seconds such as 2.5s",
    "google.protobuf.FieldMask": "must be field names, separated by commas",
    "google.protobuf.Struct": "must be an object",
    "google.protobuf.Value": "must be JSON",
    "google.protobuf.ListValue": "must be a list",
    "google.protobuf.Any": "must be an object with @type",
}
"""Types whose JSON `json_format` reads, and the error for other JSON."""
_INTEGERS = {
    FieldDescriptor.CPPTYPE_INT32: range(-(2**31), 2**31),
    FieldDescriptor.CPPTYPE_INT64: range(-(2**63), 2**63),
    FieldDescriptor.CPPTYPE_UINT32: range(2**32),
    FieldDescriptor.CPPTYPE_UINT64: range(2**64),
}
_CAPITAL = re.compile("[A-Z]")
_FLOATS = (FieldDescriptor.CPPTYPE_DOUBLE, FieldDescriptor.CPPTYPE_FLOAT)
_INTEGER = re.compile(r"-?[0-9]{1,20}")
_MAX_DEPTH = 32


@dataclass(slots=True)
class JsonReader:
    """Writes JSON values into messages and collects what is wrong with them."""

    texts: bool = False
    """Values are texts, as in a query string: `true` is a boolean and `3` a number."""

    violations: list[FieldViolation] = dataclass_field(default_factory=list)

    def read(self, message: Message, value: object, path: str = "", depth: int = 0) -> None:
        """Set the fields of `message` from a JSON object at `path`; empty for the request itself."""
        if not isinstance(value, Mapping):
            self._report(path, "must be an object")
        elif depth > _MAX_DEPTH:
            self._report(path, "is nested too deeply")
        else:
            for name, given in value.items():
                self._read_field(message, name, given, f"{path}.{name}" if path else name, depth)

    def _read_field(self, message: Message, name: str, given: object, path: str, depth: int) -> None:
        field = _fields_by_name(message.DESCRIPTOR).get(name)
        if field is None:
            self._report(path, "is not a field of this request")
        elif given is None:
            return
        elif other := _other_of_oneof(message, field):
            self._report(path, f"can't be combined with {other}")
        elif field.is_repeated:
            self._read_list(message, field, given, path, depth)
        else:
            self._read_single(message, field, given, path, depth)

    def _read_list(
        self, message: Message, field: FieldDescriptor, given: object, path: str, depth: int
    ) -> None:
        items = _items_of_query(field, given) if self.texts else given
        if not isinstance(items, list):
            self._report(path, "must be a list" + (f", such as {path}.0.…" if self.texts else ""))
            return
        target = getattr(message, field.name)
        for index, item in enumerate(items):
            if field.message_type is not None:
                self._read_message(target.add(), item, f"{path}[{index}]", depth)
            elif (value := self._scalar(field, item, f"{path}[{index}]")) is not None:
                target.append(value)

    def _read_single(
        self, message: Message, field: FieldDescriptor, given: object, path: str, depth: int
    ) -> None:
        if self.texts and isinstance(given, list):
            self._report(path, "must be given once")
        elif field.message_type is not None:
            inner = getattr(message, field.name)
            inner.SetInParent()
            self._read_message(inner, given, path, depth)
        elif (value := self._scalar(field, given, path)) is not None:
            setattr(message, field.name, value)

    def _read_message(self, message: Message, given: object, path: str, depth: int) -> None:
        name = message.DESCRIPTOR.full_name
        if name in (DATE, TIME_OF_DAY) and not isinstance(given, Mapping):
            self._read_date(message, given, path)
        elif isinstance(message, FieldMask) and isinstance(given, str):
            message.paths.extend(_snake_case(name.strip()) for name in given.split(",") if name.strip())
        elif name in _WELL_KNOWN:
            try:
                json_format.ParseDict(given, message)  # type: ignore[arg-type]  # any JSON
            except (json_format.ParseError, ValueError, TypeError, AttributeError, RecursionError):
                self._report(path, _WELL_KNOWN[name])
        else:
            self.read(message, given, path, depth + 1)

    def _read_date(self, message: Any, given: object, path: str) -> None:
        if message.DESCRIPTOR.full_name == DATE:
            try:
                day = date.fromisoformat(str(given))
            except ValueError:
                self._report(path, "must be a date such as 2026-12-31")
                return
            message.year, message.month, message.day = day.year, day.month, day.day
        elif match := _TIME_OF_DAY.fullmatch(str(given)):
            message.hours, message.minutes, message.seconds = (int(part or 0) for part in match.groups())
        else:
            self._report(path, "must be a time of day such as 18:30")

    def _scalar(self, field: FieldDescriptor, given: object, path: str) -> object | None:
        """Return the value of a scalar or enum; None after a report."""
        try:
            if field.enum_type is not None:
                return _enum(field.enum_type, given, self.texts)
            if field.cpp_type in _INTEGERS:
                return _integer(given, _INTEGERS[field.cpp_type])
            if field.cpp_type in _FLOATS:
                return _float(given, self.texts)
            if field.cpp_type == FieldDescriptor.CPPTYPE_BOOL:
                return _boolean(given, self.texts)
            return _text(given) if field.type == FieldDescriptor.TYPE_STRING else _bytes(given)
        except ValueError as error:
            self._report(path, str(error))
            return None

    def _report(self, path: str, problem: str) -> None:
        self.violations.append(FieldViolation(path, problem))


@cache
def _fields_by_name(descriptor: Descriptor) -> Mapping[str, FieldDescriptor]:
    return {name: field for field in descriptor.fields for name in (field.json_name, field.name)}


def _snake_case(path: str) -> str:
    return _CAPITAL.sub(lambda capital: f"_{capital[0].lower()}", path)


def _items_of_query(field: FieldDescriptor, given: object) -> object:
    """Return the items of a list in a query: texts repeat the name, objects have their position in it."""
    if field.message_type is None or field.message_type.full_name in (DATE, TIME_OF_DAY, *_WELL_KNOWN):
        return given if isinstance(given, list) else [given]
    if isinstance(given, Mapping) and set(given) == {str(index) for index in range(len(given))}:
        return [given[str(index)] for index in range(len(given))]
    return None


def _other_of_oneof(message: Message, field: FieldDescriptor) -> str | None:
    """Return the field of the same `oneof` that is already set."""
    oneof = field.containing_oneof
    return None if oneof is None else message.WhichOneof(oneof.name)


def _enum(enum: EnumDescriptor, given: object, texts: bool) -> int:
    if texts and isinstance(given, str) and _INTEGER.fullmatch(given):
        given = int(given)
    names = {value.name: value.number for value in enum.values}
    if isinstance(given, str) and given in names:
        return names[given]
    if isinstance(given, int) and not isinstance(given, bool) and given in enum.values_by_number:
        return given
    words = ", ".join(name for name, number in names.items() if number)
    raise ValueError(f"must be one of {words}")


def _integer(given: object, bounds: range) -> int:
    if isinstance(given, float) and given.is_integer():
        given = int(given)
    text = "" if isinstance(given, bool) else str(given)
    if not _INTEGER.fullmatch(text):
        raise ValueError("must be a whole number")
    if int(text) not in bounds:
        raise ValueError("is too large a number" if int(text) > 0 else "is too small a number")
    return int(text)


def _float(given: object, texts: bool) -> float:
    try:
        value = float(given) if _is_number(given) or (texts and isinstance(given, str)) else math.nan
    except (ValueError, OverflowError):
        raise ValueError("must be a number") from None
    if not math.isfinite(value):
        raise ValueError("must be a finite number")
    return value


def _is_number(given: object) -> TypeGuard[int | float]:
    return isinstance(given, (int, float)) and not isinstance(given, bool)


def _boolean(given: object, texts: bool) -> bool:
    if isinstance(given, bool):
        return given
    if texts and given in ("true", "false"):
        return given == "true"
    raise ValueError("must be true or false")


def _text(given: object) -> str:
    try:
        if isinstance(given, str) and given.encode():
            return given
    except UnicodeEncodeError:
        raise ValueError("must be valid Unicode") from None
    if given == "":
        return ""
    raise ValueError("must be a text")


def _bytes(given: object) -> bytes:
    try:
        text = _text(given).replace("-", "+").replace("_", "/").rstrip("=")
        return base64.b64decode(text + "=" * (-len(text) % 4), validate=True)
    except (binascii.Error, ValueError):
        raise ValueError("must be base64") from None


def nested(parameters: Sequence[tuple[str, str]]) -> dict[str, Any]:
    """Return query parameters as a JSON object.

    A repeated name becomes a list, `a.b=1` becomes the object `{"b": "1"}` at `a`, and `a.0.b=1` becomes such
    an object with the name `0`.
    """
    tree: dict[str, Any] = {}
    for name, value in parameters:
        *parents, last = name.split(".")
        branch = tree
        for parent in parents:
            inner = branch.setdefault(parent, {})
            branch = inner if isinstance(inner, dict) else branch
        present = branch.get(last)
        if present is None:
            branch[last] = value
        else:
            branch[last] = [*present, value] if isinstance(present, list) else [present, value]
    return tree
