"""Errors that domains raise, and their `google.rpc.Status` for callers.

    DomainError                 base of every service's errors; its text is written for the caller
    ├── InvalidRequest          fields break their rules
    │   ├── RequestTooLarge     more bytes than the method accepts
    │   └── RequestTooSlow      didn't arrive in time
    ├── Unauthenticated         no valid token
    ├── AccessDenied            a valid token of the wrong kind
    ├── Overloaded              too many RPCs at the same time
    ├── Unavailable             a required part can't be reached
    │   └── StoreUnavailable    the database can't be reached
    ├── InvalidPageToken        the page token is not valid for this request
    ├── EtagMismatch            the resource has changed since the caller read it
    └── RequestIdReused         the request id was used for another payload

A service adds its own tree and one `ErrorTable`, where each error gets its gRPC code and reason. An error
that is in no table is unexpected: the caller gets INTERNAL with a correlation id, and the traceback is
logged.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import timedelta
from types import MappingProxyType
from typing import ClassVar, NamedTuple

import grpc
import structlog
from google.protobuf.duration_pb2 import Duration
from google.protobuf.message import Message
from google.rpc import code_pb2, error_details_pb2, status_pb2
from grpc_status import rpc_status

from mesh.ids import uuid7

ERROR_DOMAIN = "readback.errors.v1"
"""`ErrorInfo.domain` of all reasons: the package of `ErrorReason`."""
RETRY_AFTER = timedelta(milliseconds=500)
"""Suggested wait for callers of a process that is overloaded or can't reach its database."""
_log = structlog.get_logger()


class DomainError(Exception):
    """Base of every domain error. `str(error)` is sent to the caller."""

    text: ClassVar[str] = ""
    """Default message of this class."""
    security_event: str = ""
    """Kind under which the security log records the error; empty for errors that aren't recorded."""
    logged: Mapping[str, str] = MappingProxyType({})
    """Facts for the security log, which the caller must not see."""

    def __init__(
        self,
        message: str = "",
        *,
        metadata: Mapping[str, str] | None = None,
        retry_after: timedelta | None = None,
        field: str | None = None,
    ) -> None:
        super().__init__(message or self.text)
        self.metadata = dict(metadata or {})
        self.retry_after = retry_after
        self.field = field


class FieldViolation(NamedTuple):
    """A field that breaks its rule."""

    field: str
    """Path of the field, for example `drafts[2].entry_id`."""
    description: str
    """The problem, written for the caller."""


class InvalidRequest(DomainError):
    """Fields of the request break their rules."""

    def __init__(self, violations: Sequence[FieldViolation]) -> None:
        super().__init__(
            "; ".join(f"{field}: {description}" for field, description in violations)
            or "The request is malformed."
        )
        self.violations = tuple(violations)


class RequestTooLarge(InvalidRequest):
    """The request has more bytes than its method accepts."""

    security_event = "request too large"

    def __init__(self, size: int, limit: int) -> None:
        super().__init__([FieldViolation("request", f"has {size} bytes; send at most {limit}")])


class RequestTooSlow(InvalidRequest):
    """The request didn't arrive in time."""

    def __init__(self) -> None:
        super().__init__([FieldViolation("request", "didn't arrive in time; send it at once")])


class Unauthenticated(DomainError):
    """The token is missing, expired, malformed, or from another issuer."""

    def __init__(self, problem: str) -> None:
        super().__init__(f"This needs a valid access token ({problem}).", metadata={"problem": problem})
        self.security_event = f"token {problem}"


class AccessDenied(DomainError):
    """The token is valid, but tokens of its kind may not call the method."""

    security_event = "access denied"


class Overloaded(DomainError):
    """Too many RPCs at the same time."""

    security_event = "overloaded"


def overloaded() -> Overloaded:
    """Return the error of a process that handles too many RPCs."""
    text = "The service is overloaded; try again in a moment."
    return Overloaded(text, metadata={"scope": "total"}, retry_after=RETRY_AFTER)


class Unavailable(DomainError):
    """A required part of the system can't be reached."""

    def __init__(self, message: str, *, retry_after: timedelta = timedelta(seconds=1)) -> None:
        super().__init__(message, retry_after=retry_after)


class StoreUnavailable(Unavailable):
    """The database can't be reached, or did not answer in time."""

    def __init__(self) -> None:
        super().__init__(
            "The database can't be reached just now, so it is unknown whether this was done; try again.",
            retry_after=RETRY_AFTER,
        )


class InvalidPageToken(DomainError):
    """The page token is malformed, forged, or belongs to another request."""

    def __init__(self) -> None:
        super().__init__(
            "The page token is not valid for this request; start the listing again.", field="page_token"
        )


class EtagMismatch(DomainError):
    """The resource has changed since the caller read it."""

    text = "This has changed since you read it; read it again, then repeat your change."


class RequestIdReused(DomainError):
    """The request id was already used for another payload."""

    def __init__(self, request_id: str) -> None:
        super().__init__(
            "This request id was already used for another request; choose a new one.",
            metadata={"request_id": request_id},
        )


ErrorTable = Mapping[type[DomainError], tuple[grpc.StatusCode, str]]
"""Each error's gRPC code, and its reason: a name in `ErrorReason` without `ERROR_REASON_`. Subclasses inherit
both.
"""

MESH_ERRORS: ErrorTable = {
    InvalidRequest: (grpc.StatusCode.INVALID_ARGUMENT, "INVALID_REQUEST"),
    Unauthenticated: (grpc.StatusCode.UNAUTHENTICATED, "UNAUTHENTICATED"),
    AccessDenied: (grpc.StatusCode.PERMISSION_DENIED, "ACCESS_DENIED"),
    Overloaded: (grpc.StatusCode.RESOURCE_EXHAUSTED, "OVERLOADED"),
    Unavailable: (grpc.StatusCode.UNAVAILABLE, "UNAVAILABLE"),
    StoreUnavailable: (grpc.StatusCode.UNAVAILABLE, "STORE_UNAVAILABLE"),
    InvalidPageToken: (grpc.StatusCode.INVALID_ARGUMENT, "INVALID_PAGE_TOKEN"),
    EtagMismatch: (grpc.StatusCode.ABORTED, "ETAG_MISMATCH"),
    RequestIdReused: (grpc.StatusCode.ALREADY_EXISTS, "REQUEST_ID_REUSED"),
}

_FORWARDED_CODES = {
    grpc.StatusCode.UNAVAILABLE,
    grpc.StatusCode.DEADLINE_EXCEEDED,
    grpc.StatusCode.RESOURCE_EXHAUSTED,
    grpc.StatusCode.UNAUTHENTICATED,
}


def status_for(error: BaseException, table: ErrorTable) -> status_pb2.Status:
    """Return the status that a caller gets for an error raised by a handler. Logs unexpected errors."""
    if isinstance(error, grpc.aio.AioRpcError) and error.code() in _FORWARDED_CODES:
        _log.warning("upstream call failed", code=error.code().name, details=error.details())
        error = _upstream_failure(error)
    if isinstance(error, DomainError) and (found := _code_and_reason(error, table)):
        return _status(error, *found)
    return _unexpected(error)


def _code_and_reason(error: DomainError, table: ErrorTable) -> tuple[grpc.StatusCode, str] | None:
    """Return what the tables say of an error's class or of its nearest base; None if they know neither."""
    known = (table.get(kind) or MESH_ERRORS.get(kind) for kind in type(error).__mro__)
    return next(filter(None, known), None)


def _upstream_failure(error: grpc.aio.AioRpcError) -> DomainError:
    if error.code() is grpc.StatusCode.RESOURCE_EXHAUSTED:
        # Callers would retry UNAVAILABLE, and so add to the overload.
        text, wait = "A part of the system is overloaded; try again in a moment.", retry_after_of(error)
        return Overloaded(text, metadata={"scope": "upstream"}, retry_after=wait)
    if error.code() is grpc.StatusCode.UNAUTHENTICATED:
        return Unauthenticated("refused")
    return Unavailable("A part of the system can't be reached just now; try again in a moment.")


def _status(error: DomainError, code: grpc.StatusCode, reason: str) -> status_pb2.Status:
    details: list[Message] = [_info(error, reason)]
    violations = list(error.violations) if isinstance(error, InvalidRequest) else []
    if error.field:
        violations.append(FieldViolation(error.field, str(error)))
    if violations:
        details.append(error_details_pb2.BadRequest(field_violations=[v._asdict() for v in violations]))
    if error.retry_after is not None:
        delay = Duration()
        delay.FromTimedelta(error.retry_after)
        details.append(error_details_pb2.RetryInfo(retry_delay=delay))
    return _with_details(code, str(error), details)


def _info(error: DomainError, reason: str) -> error_details_pb2.ErrorInfo:
    return error_details_pb2.ErrorInfo(reason=reason, domain=ERROR_DOMAIN, metadata=error.metadata)


def error_info(error: DomainError, table: ErrorTable) -> error_details_pb2.ErrorInfo:
    """Return the ErrorInfo of an error that the tables know, for messages that carry an error."""
    found = _code_and_reason(error, table)
    assert found is not None, f"{type(error).__name__} is in no table"
    return _info(error, found[1])


def _unexpected(error: BaseException) -> status_pb2.Status:
    correlation_id = uuid7()
    _log.error("unexpected error", correlation_id=correlation_id, exc_info=error)
    info = error_details_pb2.ErrorInfo(
        reason="INTERNAL", domain=ERROR_DOMAIN, metadata={"correlation_id": correlation_id}
    )
    message = f"Something went wrong on our side; report it with the id {correlation_id}."
    return _with_details(grpc.StatusCode.INTERNAL, message, [info])


def _with_details(code: grpc.StatusCode, message: str, details: Sequence[Message]) -> status_pb2.Status:
    status = status_pb2.Status(code=code_pb2.Code.Value(code.name), message=message)
    for detail in details:
        status.details.add().Pack(detail)
    return status


def rpc_error(error: DomainError) -> grpc.aio.AioRpcError:
    """Return the error that a caller gets if a server raises `error`."""
    status = rpc_status.to_status(status_for(error, {}))
    return grpc.aio.AioRpcError(
        status.code, grpc.aio.Metadata(), grpc.aio.Metadata(*status.trailing_metadata), status.details
    )


def _unpack(error: grpc.aio.AioRpcError, detail: Message) -> bool:
    status = rpc_status.from_call(error)
    return status is not None and any(packed.Unpack(detail) for packed in status.details)


def info_of(error: grpc.aio.AioRpcError) -> error_details_pb2.ErrorInfo | None:
    """Return the ErrorInfo of an RPC's error; None if it has none."""
    info = error_details_pb2.ErrorInfo()
    return info if _unpack(error, info) else None


def reason_of(error: grpc.aio.AioRpcError) -> str | None:
    """Return the ErrorInfo reason of an RPC's error; None if it has no ErrorInfo."""
    info = info_of(error)
    return info.reason if info else None


def metadata_of(error: grpc.aio.AioRpcError) -> dict[str, str]:
    """Return the ErrorInfo metadata of an RPC's error."""
    info = info_of(error)
    return dict(info.metadata) if info else {}


def violations_of(error: grpc.aio.AioRpcError) -> list[FieldViolation]:
    """Return the invalid fields that an RPC's error lists."""
    request = error_details_pb2.BadRequest()
    _unpack(error, request)  # `request` stays empty if the error has no BadRequest
    return [FieldViolation(v.field, v.description) for v in request.field_violations]


def retry_after_of(error: grpc.aio.AioRpcError) -> timedelta | None:
    """Return the wait before a retry that the server suggests; None if it suggests none."""
    retry = error_details_pb2.RetryInfo()
    return retry.retry_delay.ToTimedelta() if _unpack(error, retry) else None
