"""Tools for models as JSON Schema, generated from the contracts' `tool` options.

Requests have the subset of JSON Schema that OpenAI's strict mode accepts. Answers are in the same language as
requests: dates, times, money and enums as text. A field that is `hidden` or `from_context` is omitted: a
model can neither see nor set it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from buf.validate import validate_pb2
from google.protobuf.descriptor import Descriptor, EnumDescriptor, FieldDescriptor, ServiceDescriptor
from readback.options.v1 import options_pb2

from mesh.contracts.comments import comments
from mesh.contracts.validation import code_form, field_rules, is_required

_DATE: Mapping[str, Any] = {"type": "string", "format": "date"}
_TIME_OF_DAY: Mapping[str, Any] = {"type": "string", "pattern": "^([01][0-9]|2[0-3]):[0-5][0-9]$"}
_INSTANT: Mapping[str, Any] = {"type": "string", "format": "date-time"}
_DURATION: Mapping[str, Any] = {"type": "string", "format": "duration"}
_MONEY: Mapping[str, Any] = {
    "type": "object",
    "properties": {
        "amount": {"type": "string", "description": "Decimal number."},
        "currency_code": {"type": "string", "description": "ISO 4217."},
    },
    "required": ["amount", "currency_code"],
    "additionalProperties": False,
}
KNOWN_MESSAGES = {
    "google.type.Date": _DATE,
    "google.type.TimeOfDay": _TIME_OF_DAY,
    "google.protobuf.Timestamp": _INSTANT,
    "google.protobuf.Duration": _DURATION,
    "google.type.Money": _MONEY,
    "google.protobuf.Struct": {"type": "object"},
}
"""Schemas of the message types that a model reads and writes in a form of their own."""
PLACE_HINT = "Or the name of a city, which means all its airports, or of an airport."
"""Addition to the description of a field with the code of a place."""
_SCALARS = {
    FieldDescriptor.CPPTYPE_STRING: "string",
    FieldDescriptor.CPPTYPE_BOOL: "boolean",
    FieldDescriptor.CPPTYPE_INT32: "integer",
    FieldDescriptor.CPPTYPE_INT64: "integer",
    FieldDescriptor.CPPTYPE_DOUBLE: "number",
    FieldDescriptor.CPPTYPE_FLOAT: "number",
}


def tool_schemas(service: ServiceDescriptor) -> list[dict[str, Any]]:
    """Return the name, description and two schemas of each tool of a service, in the contract's order."""
    return list(_tools(service))


def _tools(service: ServiceDescriptor) -> Iterator[dict[str, Any]]:
    for method in service.methods:
        options = method.GetOptions()
        if options.HasExtension(options_pb2.tool):
            tool = options.Extensions[options_pb2.tool]
            yield {
                "name": tool.name,
                "description": tool.description,
                "input_schema": _input(method.input_type),
                "output_schema": output_schema(method.output_type),
            }


def _input(message: Descriptor) -> dict[str, Any]:
    """Return a schema that OpenAI's strict mode accepts: every property is required, absent ones are null."""
    properties = {field.name: _property(field) for field in message.fields if not is_withheld(field)}
    return _object(properties) | {"required": list(properties)}


def output_schema(message: Descriptor) -> dict[str, Any]:
    """Return the schema of a message as `arguments_from` writes it. Its messages are in `$defs`."""
    definitions: dict[str, Any] = {}
    return _output(message, definitions) | {"$defs": definitions}


def _output(message: Descriptor, definitions: dict[str, Any]) -> dict[str, Any]:
    fields = [field for field in message.fields if not is_withheld(field)]
    return _object({field.name: _output_property(field, definitions) for field in fields})


def _object(properties: Mapping[str, Any]) -> dict[str, Any]:
    return {"type": "object", "properties": properties, "additionalProperties": False}


def _output_property(field: FieldDescriptor, definitions: dict[str, Any]) -> dict[str, Any]:
    description = {"description": comments().get(field.full_name, "")}
    if value := map_value(field):
        return description | {"type": "object", "additionalProperties": _output_single(value, definitions)}
    single = _output_single(field, definitions)
    return {**description, **({"type": "array", "items": single} if field.is_repeated else single)}


def _output_single(field: FieldDescriptor, definitions: dict[str, Any]) -> Mapping[str, Any]:
    kind = field.message_type
    if kind is None:
        return _word(field.enum_type) if field.enum_type else {"type": _SCALARS[field.cpp_type]}
    if known := KNOWN_MESSAGES.get(kind.full_name):
        return known
    if kind.name not in definitions:
        definitions[kind.name] = {}  # a message that contains itself finds its name taken
        definitions[kind.name] = _output(kind, definitions)
    return {"$ref": f"#/$defs/{kind.name}"}


def is_withheld(field: FieldDescriptor) -> bool:
    """Return whether models can neither see nor set a field."""
    options = field.GetOptions().Extensions[options_pb2.tool_field]
    return bool(options.hidden or options.from_context)


def is_place(field: FieldDescriptor) -> bool:
    """Return whether a field has the code of a place, for which models may write a name."""
    return bool(field.GetOptions().Extensions[options_pb2.tool_field].place)


def map_value(field: FieldDescriptor) -> FieldDescriptor | None:
    """Return the field of a map's values; None for a field that isn't a map."""
    entry = field.message_type
    return entry.fields_by_name["value"] if entry is not None and entry.GetOptions().map_entry else None


def _property(field: FieldDescriptor) -> dict[str, Any]:
    description = comments().get(field.full_name, "")
    if is_place(field):
        description += f" {PLACE_HINT}"
    schema = {"description": description, **_type(field)}
    if not is_required(field):
        schema["type"] = [schema["type"], "null"]
        if "enum" in schema:
            schema["enum"] = [*schema["enum"], None]
    return schema


def _type(field: FieldDescriptor) -> Mapping[str, Any]:
    if not field.is_repeated:
        return _single(field, field_rules(field))
    rules = field_rules(field).repeated
    limits = {"minItems": rules.min_items} if rules.min_items else {}
    limits |= {"maxItems": rules.max_items} if rules.max_items else {}
    limits |= {"uniqueItems": True} if rules.unique else {}
    return {"type": "array", "items": _single(field, rules.items), **limits}


def _single(field: FieldDescriptor, rules: validate_pb2.FieldRules) -> Mapping[str, Any]:
    if field.message_type is not None:
        return KNOWN_MESSAGES.get(field.message_type.full_name) or _input(field.message_type)
    if field.enum_type is not None:
        return _word(field.enum_type)
    limits: dict[str, Any] = {}
    if (form := code_form(rules)) and not is_place(field):
        limits["pattern"] = form.pattern
    if rules.string.uuid:
        limits["format"] = "uuid"
    if rules.int32.HasField("gte"):
        limits["minimum"] = rules.int32.gte
    if rules.int32.HasField("lte"):
        limits["maximum"] = rules.int32.lte
    return {"type": _SCALARS[field.cpp_type], **limits}


def _word(enum: EnumDescriptor) -> dict[str, Any]:
    return {"type": "string", "enum": enum_words(enum)}


def enum_words(enum: EnumDescriptor) -> list[str]:
    """Return the words of an enum: `cheapest` for `FLIGHT_SORT_CHEAPEST`, none for the unspecified value."""
    prefix = enum.values_by_number[0].name.removesuffix("UNSPECIFIED")
    return [value.name.removeprefix(prefix).lower() for value in enum.values if value.number]
