"""OpenAPI 3.1 document of the JSON gateway, from the contracts: routes, comments, rules and errors."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from google.protobuf.descriptor import FieldDescriptor, ServiceDescriptor
from readback.options.v1 import options_pb2

from mesh.contracts.comments import comments
from mesh.contracts.validation import is_required
from mesh.security.access_rules import rules_of
from services.gateway.http.docs.json_schemas import STRING, WELL_KNOWN, Schemas
from services.gateway.http.etags import has_etag
from services.gateway.http.routes import WHOLE_REQUEST, Route, RouteTable
from services.gateway.http.streams import EVENTS, LINES, is_file

_BEARER = "bearer"
_DESCRIPTION = """\
Dates are `2026-12-01`, times of day `18:30`, 64-bit numbers texts. An unknown field or parameter is an error
that names it. Streams are lines of JSON, or server-sent events for `Accept: text/event-stream`.
`X-Request-Timeout` limits a request in seconds. An error is a `Status` with a reason for programs.
"""
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
    schemas = Schemas()
    paths: dict[str, dict[str, Any]] = {}
    operations = _Operations(schemas)
    routes = RouteTable(services).routes
    for route in routes:
        schemas.reference(route.method.output_type)  # before the requests
    for route in routes:
        paths.setdefault(_camel_path(route), {})[route.verb.lower()] = operations.operation(route)
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "Readback",
            "version": version,
            "description": _DESCRIPTION,
            "license": {"name": "Apache-2.0", "identifier": "Apache-2.0"},
        },
        "tags": [
            {"name": service.name, "description": comments().get(service.full_name, "")}
            for service in services
        ],
        "paths": dict(sorted(paths.items())),
        "components": {
            "schemas": dict(sorted(schemas.by_name.items())) | {_ERROR: _ERROR_SCHEMA},
            "securitySchemes": {_BEARER: {"type": "http", "scheme": "bearer", "bearerFormat": "JWT"}},
        },
    }


def operation_id(route: Route) -> str:
    """Return the unique name of a route: its RPC's, with the verb for an additional one."""
    return f"{route.method.name}_{route.verb.lower()}" if route.is_additional else route.method.name


def _camel_path(route: Route) -> str:
    path = route.template
    for name in route.path_fields:
        path = path.replace(f"{{{name}}}", f"{{{_path_field(route, name).json_name}}}")
    return path


def _path_field(route: Route, name: str) -> FieldDescriptor:
    """Return the request's field with a name such as `conversation.conversation_id`."""
    first, *rest = name.split(".")
    field = route.method.input_type.fields_by_name[first]
    for inner in rest:
        assert field.message_type is not None
        field = field.message_type.fields_by_name[inner]
    return field


class _Operations:
    def __init__(self, schemas: Schemas) -> None:
        self._schemas = schemas

    def operation(self, route: Route) -> dict[str, Any]:
        method = route.method
        text = comments().get(method.full_name, "")
        operation: dict[str, Any] = {
            "operationId": operation_id(route),
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
            field = _path_field(route, name)
            yield self._parameter(field, "path", field.json_name, required=True)
        if route.body != WHOLE_REQUEST:
            rest = [f for f in request.fields if f.name not in (*route.path_fields, route.body)]
            yield from self._query(rest, "", required=True)
        if "request_id" in request.fields_by_name:
            text = (
                "Makes a repeated request safe: the same key is the same request. A UUID becomes `requestId`."
            )
            yield {"name": "Idempotency-Key", "in": "header", "description": text, "schema": STRING}
        yield from _etag_headers(route)

    def _query(
        self, fields: Iterable[FieldDescriptor], prefix: str, *, required: bool
    ) -> Iterator[dict[str, Any]]:
        """Yield the parameters for fields; for a list of objects, those of its first (`legs.0.origin`)."""
        for field in fields:
            kind = field.message_type
            if kind is None or kind.full_name in WELL_KNOWN:
                needed = required and is_required(field) and field.name != "request_id"
                yield self._parameter(field, "query", prefix + field.json_name, required=needed)
            elif field.is_repeated:
                needed = required and is_required(field)
                yield from self._query(kind.fields, f"{prefix}{field.json_name}.0.", required=needed)
            else:
                yield from self._query(kind.fields, f"{prefix}{field.json_name}.", required=False)

    def _parameter(self, field: FieldDescriptor, place: str, name: str, *, required: bool) -> dict[str, Any]:
        return {
            "name": name,
            "in": place,
            "required": required,
            "description": comments().get(field.full_name, ""),
            "schema": self._schemas.field(field),
        }

    def _body(self, route: Route) -> dict[str, Any] | None:
        request = route.method.input_type
        if not route.body:
            return None
        if route.body == WHOLE_REQUEST:
            schema = self._schemas.input(request, without=route.path_fields)
        elif resource := request.fields_by_name[route.body].message_type:
            in_path = [name.partition(".")[2] for name in route.path_fields]
            schema = self._schemas.input(resource, without=in_path)
        else:
            schema = self._schemas.field(request.fields_by_name[route.body], self._schemas.input_reference)
        return {"required": bool(schema.get("required")), "content": {"application/json": {"schema": schema}}}

    def _responses(self, route: Route) -> dict[str, Any]:
        output = route.method.output_type
        error = {
            "description": "The RPC failed.",
            "content": _json({"$ref": f"#/components/schemas/{_ERROR}"}),
        }
        if not route.method.server_streaming:
            content = _json(self._schemas.reference(output))
        elif is_file(output):
            content = {
                "text/plain": {"schema": STRING},
                "text/vtt": {"schema": STRING},
                "application/json": {},
            }
        else:
            content = {kind: {"schema": self._schemas.reference(output)} for kind in (LINES, EVENTS)}
        is_single = not route.method.server_streaming
        unchanged = {"304": {"description": "The response is still the one with this ETag."}}
        return {
            **(unchanged if route.verb == "GET" and is_single and has_etag(output) else {}),
            "200": {"description": comments().get(output.full_name, "") or "Done.", "content": content},
            "default": error,
        }


def _etag_headers(route: Route) -> Iterator[dict[str, Any]]:
    if route.verb == "GET":
        text = "`ETag` of an earlier response: 304 without a body if nothing in it has changed."
        is_single = not route.method.server_streaming
        wanted = {"If-None-Match": text} if is_single and has_etag(route.method.output_type) else {}
    else:
        text = "`ETag` of an earlier response, or the etag in it: 412 if the resource was updated since."
        wanted = {"If-Match": text} if has_etag(route.method.input_type) else {}
    for name, text in wanted.items():
        yield {"name": name, "in": "header", "description": text, "schema": STRING}


def _json(schema: Mapping[str, Any]) -> dict[str, Any]:
    return {"application/json": {"schema": schema}}
