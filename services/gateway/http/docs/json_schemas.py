"""JSON Schemas of messages, from the contracts: fields, comments and rules."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from buf.validate import validate_pb2
from google.protobuf.descriptor import Descriptor, EnumDescriptor, FieldDescriptor

from mesh.contracts.comments import comments
from mesh.contracts.validation import code_form, field_rules, is_optional, is_required

Reference = Callable[[Descriptor], dict[str, Any]]
STRING = {"type": "string"}
WELL_KNOWN: Mapping[str, Mapping[str, Any]] = {
    "google.type.Date": {"type": "string", "format": "date"},
    "google.type.TimeOfDay": {"type": "string", "pattern": "^([01][0-9]|2[0-3]):[0-5][0-9](:[0-5][0-9])?$"},
    "google.protobuf.Timestamp": {"type": "string", "format": "date-time"},
    "google.protobuf.Duration": {"type": "string", "pattern": "^-?[0-9]+(\\.[0-9]{1,9})?s$"},
    "google.protobuf.FieldMask": STRING,
    "google.protobuf.Struct": {"type": "object"},
    "google.protobuf.Value": {},
    "google.protobuf.ListValue": {"type": "array"},
    "google.protobuf.Any": {"type": "object", "required": ["@type"], "properties": {"@type": STRING}},
}
"""Schemas of types whose JSON isn't an object of their fields."""
_SCALARS: Mapping[int, Mapping[str, Any]] = {
    FieldDescriptor.CPPTYPE_STRING: STRING,
    FieldDescriptor.CPPTYPE_BOOL: {"type": "boolean"},
    FieldDescriptor.CPPTYPE_INT32: {"type": "integer", "format": "int32"},
    FieldDescriptor.CPPTYPE_UINT32: {"type": "integer", "minimum": 0},
    # 64 bits are texts in ProtoJSON, because numbers of JavaScript have 53. 18 digits always fit.
    FieldDescriptor.CPPTYPE_INT64: {"type": "string", "format": "int64", "pattern": "^-?[0-9]{1,18}$"},
    FieldDescriptor.CPPTYPE_UINT64: {"type": "string", "format": "uint64", "pattern": "^[0-9]{1,18}$"},
    FieldDescriptor.CPPTYPE_DOUBLE: {"type": "number", "format": "double"},
    FieldDescriptor.CPPTYPE_FLOAT: {"type": "number", "format": "float"},
}
_UUID_OR_EMPTY = "^$|^[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}$"


class Schemas:
    """The schemas that an OpenAPI document refers to, by name; each is added at its first use."""

    def __init__(self) -> None:
        self.by_name: dict[str, Any] = {}
        self._inputs: set[str] = set()

    def reference(self, message: Descriptor) -> dict[str, Any]:
        """Return a reference to the schema of a message in responses, which may get more fields later."""
        return self._defined(_name(message), message, self._output)

    def input_reference(self, message: Descriptor) -> dict[str, Any]:
        """Return a reference to the schema of a message in requests.

        It has another name than that of the same message in responses, which must be added before.
        """
        name = _name(message)
        is_shared = name in self.by_name and name not in self._inputs
        name += "Input" if is_shared else ""
        self._inputs.add(name)
        return self._defined(name, message, self.input)

    def _defined(self, name: str, message: Descriptor, schema_of: Reference) -> dict[str, Any]:
        if name not in self.by_name:
            self.by_name[name] = {}  # ends the recursion of messages that contain themselves
            self.by_name[name] = schema_of(message)
        return {"$ref": f"#/components/schemas/{name}"}

    def _output(self, message: Descriptor) -> dict[str, Any]:
        fields = {field.json_name: self._described(field, self.field(field)) for field in message.fields}
        return _object(message, fields)

    def input(self, message: Descriptor, without: Sequence[str] = ()) -> dict[str, Any]:
        """Return the schema of a message in requests: no other fields, and null for an absent one."""
        fields = [field for field in message.fields if field.name not in without]
        required = [field for field in fields if is_required(field)]
        schemas = {}
        for field in fields:
            schema = self.field(field, self.input_reference)
            schemas[field.json_name] = self._described(
                field, schema if field in required else _nullable(schema)
            )
        schema = _object(message, schemas) | {"additionalProperties": False}
        return schema | ({"required": [field.json_name for field in required]} if required else {})

    def _described(self, field: FieldDescriptor, schema: dict[str, Any]) -> dict[str, Any]:
        comment = comments().get(field.full_name, "")
        return schema | ({"description": comment} if comment else {})

    def field(self, field: FieldDescriptor, reference: Reference | None = None) -> dict[str, Any]:
        rules = field_rules(field)
        if not field.is_repeated:
            return self._single(field, rules, reference)
        repeated = rules.repeated
        limits = {"minItems": repeated.min_items} if repeated.min_items else {}
        limits |= {"maxItems": repeated.max_items} if repeated.max_items else {}
        limits |= {"uniqueItems": True} if repeated.unique else {}
        return {"type": "array", "items": self._single(field, repeated.items, reference), **limits}

    def _single(
        self, field: FieldDescriptor, rules: validate_pb2.FieldRules, reference: Reference | None
    ) -> dict[str, Any]:
        if field.message_type is not None:
            known = WELL_KNOWN.get(field.message_type.full_name)
            return dict(known) if known is not None else (reference or self.reference)(field.message_type)
        if field.enum_type is not None:
            return self._enum(field.enum_type, rules.enum.not_in)
        if field.type == FieldDescriptor.TYPE_BYTES:
            return {"type": "string", "contentEncoding": "base64"}
        if rules.string.uuid and is_optional(rules):
            return {"type": "string", "pattern": _UUID_OR_EMPTY}
        return {**_SCALARS[field.cpp_type], **_limits(rules)}

    def _enum(self, enum: EnumDescriptor, refused: Sequence[int]) -> dict[str, Any]:
        if refused:
            names = [value.name for value in enum.values if value.number not in refused]
            return {"type": "string", "enum": names}
        name = _name(enum)
        self.by_name.setdefault(
            name,
            {
                "type": "string",
                "enum": [value.name for value in enum.values],
                "description": comments().get(enum.full_name, ""),
            },
        )
        return {"$ref": f"#/components/schemas/{name}"}


def _name(kind: Descriptor | EnumDescriptor) -> str:
    return str(kind.full_name.removeprefix("readback."))


def _object(message: Descriptor, properties: Mapping[str, Any]) -> dict[str, Any]:
    comment = comments().get(message.full_name, "")
    return {"type": "object", "properties": properties} | ({"description": comment} if comment else {})


def _nullable(schema: dict[str, Any]) -> dict[str, Any]:
    if "enum" in schema or "type" not in schema:
        return {"anyOf": [schema, {"type": "null"}]} if schema else schema
    return schema | {"type": [schema["type"], "null"]}


def _limits(rules: validate_pb2.FieldRules) -> dict[str, Any]:
    text, number, form = rules.string, rules.int32, code_form(rules)
    limits = {
        "pattern": form.pattern if form else "",
        "minLength": text.min_len,
        "maxLength": text.max_len,
        "format": "uuid" if text.uuid else "email" if text.email else "",
    }
    found: dict[str, Any] = {name: value for name, value in limits.items() if value}
    if number.HasField("gte"):
        found["minimum"] = number.gte
    if number.HasField("lte"):
        found["maximum"] = number.lte
    return found
