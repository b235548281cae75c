"""Errors over HTTP: `google.rpc.Status` as JSON, the HTTP status, and the headers that belong to it."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from typing import Any

import grpc
from google.protobuf import json_format
from google.rpc import code_pb2, error_details_pb2, status_pb2
from grpc_status import rpc_status
from starlette.responses import Response

from mesh.errors import DomainError, reason_of, rpc_error
from services.gateway.compact_json import compact_json

HTTP_STATUS: Mapping[grpc.StatusCode, int] = {
    grpc.StatusCode.CANCELLED: 499,
    grpc.StatusCode.UNKNOWN: 500,
    grpc.StatusCode.INVALID_ARGUMENT: 400,
    grpc.StatusCode.DEADLINE_EXCEEDED: 504,
    grpc.StatusCode.NOT_FOUND: 404,
    grpc.StatusCode.ALREADY_EXISTS: 409,
    grpc.StatusCode.PERMISSION_DENIED: 403,
    grpc.StatusCode.RESOURCE_EXHAUSTED: 429,
    grpc.StatusCode.FAILED_PRECONDITION: 400,
    grpc.StatusCode.ABORTED: 409,
    grpc.StatusCode.OUT_OF_RANGE: 400,
    grpc.StatusCode.UNIMPLEMENTED: 501,
    grpc.StatusCode.INTERNAL: 500,
    grpc.StatusCode.UNAVAILABLE: 503,
    grpc.StatusCode.DATA_LOSS: 500,
    grpc.StatusCode.UNAUTHENTICATED: 401,
}
"""HTTP status of each gRPC code (google/rpc/code.proto)."""
_PRECONDITION_FAILED = 412
"""HTTP status of an outdated etag (RFC 9110 §15.5.13)."""
MEDIA_TYPE = "application/json"


class GatewayError(Exception):
    """A refusal by the gateway itself, before any RPC. `headers` are added to the response."""

    def __init__(self, http_status: int, code: grpc.StatusCode, message: str, **headers: str) -> None:
        super().__init__(message)
        self.http_status, self.code = http_status, code
        self.headers = {name.replace("_", "-"): value for name, value in headers.items()}


def response_for(error: grpc.aio.AioRpcError | DomainError | GatewayError) -> Response:
    """Return the HTTP response for an error."""
    if isinstance(error, GatewayError):
        number = code_pb2.Code.Value(error.code.name)
        body = {"code": number, "status": error.code.name, "message": str(error), "details": []}
        return Response(compact_json(body), error.http_status, error.headers, MEDIA_TYPE)
    failure = rpc_error(error) if isinstance(error, DomainError) else error
    headers, status = dict(_headers(failure)), HTTP_STATUS[failure.code()]
    if reason_of(failure) == "ETAG_MISMATCH":
        status = _PRECONDITION_FAILED
    return Response(compact_json(as_json(failure)), status, headers, MEDIA_TYPE)


def as_json(error: grpc.aio.AioRpcError) -> dict[str, Any]:
    """Return an error as `{"code", "status", "message", "details"}`; `status` is the name of the code."""
    status = _status(error)
    details = []
    for packed in status.details:
        try:
            details.append(json_format.MessageToDict(packed))
        except (TypeError, json_format.Error):
            details.append({"@type": packed.type_url})
    return {
        "code": status.code,
        "status": error.code().name,
        "message": status.message,
        "details": details,
    }


def _status(error: grpc.aio.AioRpcError) -> status_pb2.Status:
    number = code_pb2.Code.Value(error.code().name)
    try:
        status = rpc_status.from_call(error)
    except ValueError:  # the details contradict the code
        status = None
    return status or status_pb2.Status(code=number, message=error.details() or "")


def _headers(error: grpc.aio.AioRpcError) -> Iterable[tuple[str, str]]:
    status = _status(error)
    for packed in status.details:
        retry, info = error_details_pb2.RetryInfo(), error_details_pb2.ErrorInfo()
        if packed.Unpack(retry):
            yield "retry-after", str(max(1, math.ceil(retry.retry_delay.ToTimedelta().total_seconds())))
        elif packed.Unpack(info) and error.code() is grpc.StatusCode.UNAUTHENTICATED:
            yield "www-authenticate", _challenge(info)


def _challenge(info: error_details_pb2.ErrorInfo) -> str:
    """Return the challenge of RFC 6750 §3, without an error code for a caller that sent no token."""
    if info.metadata.get("problem") == "missing" or "problem" not in info.metadata:
        return 'Bearer realm="readback"'
    return f'Bearer realm="readback", error="invalid_token", error_description="{info.metadata["problem"]}"'
