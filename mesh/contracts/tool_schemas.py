"""Tools for models as JSON Schema, generated from the contracts' `tool` options.

A field that is `hidden` or `from_context` is omitted: a model can neither see nor set it.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

from buf.validate import validate_pb2
from google.protobuf.descriptor import Descriptor, EnumDescriptor, FieldDescriptor, ServiceDescriptor
from readback.options.v1 import options_pb2

from mesh.contracts.comments import comments
from mesh.contracts.validation import field_rules

_DATE: Mapping[str, Any] = {"type": "string", "format": "date"}
_TIME_OF_DAY: Mapping[str, Any] = {"type": "string", "pattern": "^([01][0-9]|2[0-3]):[0-5][0-9]$"}
_INSTANT: Mapping[str, Any] = {"type": "string", "format": "date-time"}
KNOWN_MESSAGES = {
    "google.type.Date": _DATE,
    "google.type.TimeOfDay": _TIME_OF_DAY,
    "google.protobuf.Timestamp": _INSTANT,
}
"""Schemas of the message types that a model writes as strings."""
PLACE_HINT = "Or the name of a city, which means all its airports, or of an airport."
"""Addition to the description of a field with the code of a place."""
_SCALARS = {
    FieldDescriptor.CPPTYPE_STRING: "string",
    FieldDescriptor.CPPTYPE_BOOL: "boolean",
    FieldDescriptor.CPPTYPE_INT32: "integer",
    FieldDescriptor.CPPTYPE_INT64: "integer",
    FieldDescriptor.CPPTYPE_DOUBLE: "number",
}


def tool_schemas(service: ServiceDescriptor) -> list[dict[str, Any]]:
    """Return a service's tools as `{"name", "description", "input_schema"}`, in the contract's order."""
    return list(_tools(service))


def _tools(service: ServiceDescriptor) -> Iterator[dict[str, Any]]:
    for method in service.methods:
        options = method.GetOptions()
        if options.HasExtension(options_pb2.tool):
            tool = options.Extensions[options_pb2.tool]
            yield {
                "name": tool.name,
                "description": tool.description,
                "input_schema": _object(method.input_type),
            }


def _object(message: Descriptor) -> dict[str, Any]:
    fields = [field for field in message.fields if not is_withheld(field)]
    required = [field.name for field in fields if _is_required(field)]
    properties = {field.name: _property(field) for field in fields}
    return {"type": "object", "properties": properties, "required": required, "additionalProperties": False}


def is_withheld(field: FieldDescriptor) -> bool:
    """Return whether models can neither see nor set a field."""
    options = field.GetOptions().Extensions[options_pb2.tool_field]
    return bool(options.hidden or options.from_context)


def is_place(field: FieldDescriptor) -> bool:
    """Return whether a field has the code of a place, for which models may write a name."""
    return bool(field.GetOptions().Extensions[options_pb2.tool_field].place)


def _is_required(field: FieldDescriptor) -> bool:
    """Return whether a field is required: by its rule, or because an empty text or list breaks a rule."""
    rules = field_rules(field)
    not_empty = rules.string.pattern and not re.search(rules.string.pattern, "")
    return bool(rules.required or rules.repeated.min_items or not_empty)


def _property(field: FieldDescriptor) -> dict[str, Any]:
    description = comments().get(field.full_name, "")
    if is_place(field):
        description += f" {PLACE_HINT}"
    return {"description": description, **_type(field)}


def _type(field: FieldDescriptor) -> Mapping[str, Any]:
    if not field.is_repeated:
        return _single(field, field_rules(field))
    rules = field_rules(field).repeated
    limits = {"minItems": rules.min_items} if rules.min_items else {}
    limits |= {"maxItems": rules.max_items} if rules.max_items else {}
    return {"type": "array", "items": _single(field, rules.items), **limits}


def _single(field: FieldDescriptor, rules: validate_pb2.FieldRules) -> Mapping[str, Any]:
    if field.message_type is not None:
        return KNOWN_MESSAGES.get(field.message_type.full_name) or _object(field.message_type)
    if field.enum_type is not None:
        return {"type": "string", "enum": enum_words(field.enum_type)}
    limits: dict[str, Any] = {}
    if rules.string.pattern and not is_place(field):
        limits["pattern"] = rules.string.pattern
    if rules.HasField("int32"):
        limits |= {"minimum": rules.int32.gte, "maximum": rules.int32.lte}
    return {"type": _SCALARS[field.cpp_type], **limits}


def enum_words(enum: EnumDescriptor) -> list[str]:
    """Return the words of an enum: `cheapest` for `FLIGHT_SORT_CHEAPEST`, none for the unspecified value."""
    prefix = enum.values_by_number[0].name.removesuffix("UNSPECIFIED")
    return [value.name.removeprefix(prefix).lower() for value in enum.values if value.number]
