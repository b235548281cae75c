"""OpenAPI 3.1 document of the JSON gateway, from the contracts: routes, comments, rules and errors."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from buf.validate import validate_pb2
from google.protobuf.descriptor import Descriptor, EnumDescriptor, FieldDescriptor, ServiceDescriptor
from readback.options.v1 import options_pb2

from mesh.contracts.comments import comments
from mesh.contracts.validation import field_rules
from mesh.security.access_rules import rules_of
from services.gateway.http.routes import WHOLE_REQUEST, Route, RouteTable
from services.gateway.http.streams import EVENTS, LINES, is_file

_STRING = {"type": "string"}
_WELL_KNOWN: Mapping[str, Mapping[str, Any]] = {
    "google.type.Date": {"type": "string", "format": "date"},
    "google.type.TimeOfDay": {"type": "string", "pattern": "^([01][0-9]|2[0-3]):[0-5][0-9](:[0-5][0-9])?$"},
    "google.protobuf.Timestamp": {"type": "string", "format": "date-time"},
    "google.protobuf.Duration": {"type": "string", "pattern": "^-?[0-9]+(\\.[0-9]{1,9})?s$"},
    "google.protobuf.FieldMask": _STRING,
    "google.protobuf.Struct": {"type": "object"},
    "google.protobuf.Value": {},
    "google.protobuf.ListValue": {"type": "array"},
    "google.protobuf.Any": {"type": "object", "required": ["@type"], "properties": {"@type": _STRING}},
}
_SCALARS: Mapping[int, Mapping[str, Any]] = {
    FieldDescriptor.CPPTYPE_STRING: _STRING,
    FieldDescriptor.CPPTYPE_BOOL: {"type": "boolean"},
    FieldDescriptor.CPPTYPE_INT32: {"type": "integer", "format": "int32"},
    FieldDescriptor.CPPTYPE_UINT32: {"type": "integer", "minimum": 0},
    # 64 bits are texts in ProtoJSON, because numbers of JavaScript have 53.
    FieldDescriptor.CPPTYPE_INT64: {"type": "string", "format": "int64"},
    FieldDescriptor.CPPTYPE_UINT64: {"type": "string", "format": "uint64"},
    FieldDescriptor.CPPTYPE_DOUBLE: {"type": "number", "format": "double"},
    FieldDescriptor.CPPTYPE_FLOAT: {"type": "number", "format": "float"},
}
_BEARER = "bearer"
_ERROR = "Status"
_ERROR_SCHEMA = {
    "type": "object",
    "description": "google.rpc.Status. `details` has an ErrorInfo whose `reason` is for programs.",
    "required": ["code", "status", "message", "details"],
    "properties": {
        "code": {"type": "integer", "description": "Number of the gRPC code."},
        "status": {"type": "string", "description": "Name of the gRPC code."},
        "message": {"type": "string", "description": "What is wrong and what to do, for people."},
        "details": {"type": "array", "items": {"type": "object"}},
    },
}


def openapi(services: Sequence[ServiceDescriptor], version: str) -> dict[str, Any]:
    """Return the document for the public RPCs of these services."""
    document = _Document()
    paths: dict[str, dict[str, Any]] = {}
    for route in RouteTable(services).routes:
        paths.setdefault(_camel_path(route), {})[route.verb.lower()] = document.operation(route)
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "Readback",
            "version": version,
            "license": {"name": "Apache-2.0", "identifier": "Apache-2.0"},
        },
        "paths": dict(sorted(paths.items())),
        "components": {
            "schemas": dict(sorted(document.schemas.items())) | {_ERROR: _ERROR_SCHEMA},
            "securitySchemes": {_BEARER: {"type": "http", "scheme": "bearer", "bearerFormat": "JWT"}},
        },
    }


def _camel_path(route: Route) -> str:
    path = route.template
    for name in route.path_fields:
        path = path.replace(f"{{{name}}}", f"{{{route.method.input_type.fields_by_name[name].json_name}}}")
    return path


class _Document:
    def __init__(self) -> None:
        self.schemas: dict[str, Any] = {}

    def operation(self, route: Route) -> dict[str, Any]:
        method = route.method
        text = comments().get(method.full_name, "")
        operation: dict[str, Any] = {
            "operationId": f"{method.name}_{route.verb.lower()}" if route.is_additional else method.name,
            "tags": [method.containing_service.name],
            "summary": text.partition(".")[0],
            "description": text,
            "parameters": list(self._parameters(route)),
            "responses": self._responses(route),
        }
        if body := self._body(route):
            operation["requestBody"] = body
        rules = rules_of(method)
        if options_pb2.ACCESS_PUBLIC not in rules:
            operation["security"] = [{_BEARER: []}]
        return operation

    def _parameters(self, route: Route) -> Iterator[dict[str, Any]]:
        request = route.method.input_type
        for name in route.path_fields:
            field = request.fields_by_name[name]
            yield self._parameter(field, "path", field.json_name, required=True)
        if route.body != WHOLE_REQUEST:
            rest = [f for f in request.fields if f.name not in (*route.path_fields, route.body)]
            yield from self._query(rest, "", required=True)
        if "request_id" in request.fields_by_name:
            text = (
                "Makes a repeated request safe: the same key is the same request. A UUID becomes `requestId`."
            )
            yield {"name": "Idempotency-Key", "in": "header", "description": text, "schema": _STRING}

    def _query(
        self, fields: Iterable[FieldDescriptor], prefix: str, *, required: bool
    ) -> Iterator[dict[str, Any]]:
        for field in fields:
            kind = field.message_type
            if kind is None or kind.full_name in _WELL_KNOWN:
                needed = required and _is_required(field) and field.name != "request_id"
                yield self._parameter(field, "query", prefix + field.json_name, required=needed)
            elif not field.is_repeated:
                yield from self._query(kind.fields, f"{prefix}{field.json_name}.", required=False)

    def _parameter(self, field: FieldDescriptor, place: str, name: str, *, required: bool) -> dict[str, Any]:
        return {
            "name": name,
            "in": place,
            "required": required,
            "description": comments().get(field.full_name, ""),
            "schema": self._field(field),
        }

    def _body(self, route: Route) -> dict[str, Any] | None:
        request = route.method.input_type
        if not route.body:
            return None
        if route.body == WHOLE_REQUEST:
            schema = self._object(request, without=route.path_fields)
        else:
            schema = self._field(request.fields_by_name[route.body])
        return {"required": bool(schema.get("required")), "content": {"application/json": {"schema": schema}}}

    def _responses(self, route: Route) -> dict[str, Any]:
        output = route.method.output_type
        error = {
            "description": "The RPC failed.",
            "content": _json({"$ref": f"#/components/schemas/{_ERROR}"}),
        }
        if not route.method.server_streaming:
            content = _json(self._reference(output))
        elif is_file(output):
            content = {
                "text/plain": {"schema": _STRING},
                "text/vtt": {"schema": _STRING},
                "application/json": {},
            }
        else:
            content = {kind: {"schema": self._reference(output)} for kind in (LINES, EVENTS)}
        return {
            "200": {"description": comments().get(output.full_name, "") or "Done.", "content": content},
            "default": error,
        }

    def _reference(self, message: Descriptor) -> dict[str, Any]:
        name = message.full_name.removeprefix("readback.")
        if name not in self.schemas:
            self.schemas[name] = {}  # ends the recursion of messages that contain themselves
            self.schemas[name] = self._object(message)
        return {"$ref": f"#/components/schemas/{name}"}

    def _object(self, message: Descriptor, without: Sequence[str] = ()) -> dict[str, Any]:
        fields = [field for field in message.fields if field.name not in without]
        schema: dict[str, Any] = {
            "type": "object",
            "properties": {field.json_name: self._described(field) for field in fields},
        }
        if comment := comments().get(message.full_name, ""):
            schema["description"] = comment
        if required := [f.json_name for f in fields if _is_required(f) and f.name != "request_id"]:
            schema["required"] = required
        return schema

    def _described(self, field: FieldDescriptor) -> dict[str, Any]:
        comment = comments().get(field.full_name, "")
        return self._field(field) | ({"description": comment} if comment else {})

    def _field(self, field: FieldDescriptor) -> dict[str, Any]:
        rules = field_rules(field)
        if not field.is_repeated:
            return self._single(field, rules)
        repeated = rules.repeated
        limits = {"minItems": repeated.min_items} if repeated.min_items else {}
        limits |= {"maxItems": repeated.max_items} if repeated.max_items else {}
        return {"type": "array", "items": self._single(field, repeated.items), **limits}

    def _single(self, field: FieldDescriptor, rules: validate_pb2.FieldRules) -> dict[str, Any]:
        if field.message_type is not None:
            known = _WELL_KNOWN.get(field.message_type.full_name)
            return dict(known) if known is not None else self._reference(field.message_type)
        if field.enum_type is not None:
            return self._enum(field.enum_type)
        if field.type == FieldDescriptor.TYPE_BYTES:
            return {"type": "string", "contentEncoding": "base64"}
        return {**_SCALARS[field.cpp_type], **_limits(rules)}

    def _enum(self, enum: EnumDescriptor) -> dict[str, Any]:
        name = enum.full_name.removeprefix("readback.")
        self.schemas.setdefault(
            name,
            {
                "type": "string",
                "enum": [value.name for value in enum.values],
                "description": comments().get(enum.full_name, ""),
            },
        )
        return {"$ref": f"#/components/schemas/{name}"}


def _json(schema: Mapping[str, Any]) -> dict[str, Any]:
    return {"application/json": {"schema": schema}}


def _limits(rules: validate_pb2.FieldRules) -> dict[str, Any]:
    text, number = rules.string, rules.int32
    limits = {
        "pattern": text.pattern,
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


def _is_required(field: FieldDescriptor) -> bool:
    """Return whether a request without the field is refused."""
    rules = field_rules(field)
    text = rules.string
    return bool(
        rules.required
        or text.min_len
        or text.uuid
        or text.email
        or rules.repeated.min_items
        or (text.pattern and not re.search(text.pattern, ""))
    )
