"""HTTP requests as request messages: path, query, body and headers."""

from __future__ import annotations

import json
import uuid
from collections.abc import Collection, Mapping
from typing import Any

import grpc
from google.protobuf.message import Message
from google.protobuf.message_factory import GetMessageClass
from starlette.requests import Request

from mesh.errors import FieldViolation, InvalidRequest
from services.gateway.http.errors import GatewayError
from services.gateway.http.etags import set_etag
from services.gateway.http.json_reader import JsonReader, nested
from services.gateway.http.routes import WHOLE_REQUEST, Route

IDEMPOTENCY_KEY = "idempotency-key"
_KEY_NAMESPACE = uuid.UUID("6f1b4f0c-3a0e-5c5e-9a34-7f6f5a5d3c11")
"""Namespace of request ids that are made from keys which aren't UUIDs."""
_JSON_TYPES = ("application/json", "text/json", "")


async def message_of(route: Route, path_values: Mapping[str, str], request: Request) -> Message:
    """Return the request message of an HTTP request.

    Raises:
        InvalidRequest: lists every wrong field, parameter and value.
        GatewayError: the body is not JSON, or of another media type.
    """
    message = GetMessageClass(route.method.input_type)()
    violations: list[FieldViolation] = []
    names = await _read_body(route, message, request, violations)
    parameters = JsonReader(texts=True, violations=violations)
    for name, value in _query(route, path_values, request, violations).items():
        parameters.read(message, {name: value})
    for name, value in path_values.items():
        _clear(message, name)
        parameters.read(message, nested([(name, value)]))
    _set_update_mask(message, route, names)
    if (if_match := request.headers.get("if-match")) and route.verb != "GET":
        violations += filter(None, [set_etag(message, if_match)])
    if violations:
        raise InvalidRequest(violations)
    _set_request_id(message, request.headers.get(IDEMPOTENCY_KEY, ""))
    _set_cursor(message, request.headers.get("last-event-id", ""))
    return message


async def _read_body(
    route: Route, message: Message, request: Request, violations: list[FieldViolation]
) -> Collection[str]:
    """Read the body into the message; return the names in its JSON object."""
    if not route.body:
        return ()
    body = await request.body()  # the web server limits its size
    media_type = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if body and media_type not in _JSON_TYPES:
        text = "Send the request as application/json."
        raise GatewayError(415, grpc.StatusCode.INVALID_ARGUMENT, text, accept_post="application/json")
    value = _parsed(body) if body.strip() else {}
    if value is None:
        raise InvalidRequest([FieldViolation("body", "must be an object")])
    reader = JsonReader(violations=violations)
    reader.read(message, value if route.body == WHOLE_REQUEST else {route.body: value})
    return value.keys() if isinstance(value, dict) else ()


def _parsed(body: bytes) -> Any:
    try:
        return json.loads(body.decode(), object_pairs_hook=_unique)
    except InvalidRequest:
        raise
    except (ValueError, RecursionError):
        text = "The body is not valid JSON."
        raise GatewayError(400, grpc.StatusCode.INVALID_ARGUMENT, text) from None


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    members = dict(pairs)
    if len(members) < len(pairs):
        names = [name for name, _ in pairs]
        twice = sorted({name for name in names if names.count(name) > 1})
        raise InvalidRequest([FieldViolation(name, "must be given once") for name in twice])
    return members


def _query(
    route: Route, path_values: Mapping[str, str], request: Request, violations: list[FieldViolation]
) -> dict[str, Any]:
    parameters = nested(request.query_params.multi_items())
    if route.body == WHOLE_REQUEST:
        violations += [FieldViolation(name, "belongs into the body of this request") for name in parameters]
        return {}
    in_path = path_values.keys() & parameters.keys()
    violations += [FieldViolation(name, "is already in the path") for name in sorted(in_path)]
    return {name: value for name, value in parameters.items() if name not in in_path}


def _clear(message: Any, path: str) -> None:
    """Clear a field whose value comes from the path."""
    *parents, last = path.split(".")
    for parent in parents:
        message = getattr(message, parent)
    message.ClearField(last)


def _set_update_mask(message: Any, route: Route, names: Collection[str]) -> None:
    """Name the fields of the body in an empty update mask, so that PATCH can also set a default value."""
    kind = message.DESCRIPTOR.fields_by_name.get("update_mask")
    if kind is None or route.verb != "PATCH" or message.update_mask.paths:
        return
    resource = getattr(message, route.body).DESCRIPTOR
    message.update_mask.paths.extend(
        field.name for field in resource.fields if {field.name, field.json_name} & set(names)
    )


def _set_request_id(message: Message, key: str) -> None:
    """Set the request id from the idempotency key; without a key it is random.

    A key that isn't a UUID always gives the same UUID.
    """
    if "request_id" not in message.DESCRIPTOR.fields_by_name or message.request_id:  # type: ignore[attr-defined]
        return
    message.request_id = str(_uuid_of(key) if key else uuid.uuid4())  # type: ignore[attr-defined]


def _uuid_of(key: str) -> uuid.UUID:
    try:
        return uuid.UUID(key)
    except ValueError:
        return uuid.uuid5(_KEY_NAMESPACE, key)


def _set_cursor(message: Message, last_event_id: str) -> None:
    """Resume after the last event that an EventSource received."""
    if last_event_id and "cursor" in message.DESCRIPTOR.fields_by_name:
        message.cursor = last_event_id  # type: ignore[attr-defined]
