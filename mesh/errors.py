"""From a domain's error to `google.rpc.Status`, and back again on the caller's side.

    DomainError                 what a service's domain raises; its text is meant for the caller
    ├── InvalidRequest          fields break their rules
    ├── Unauthenticated         no token, or not a good one
    ├── AccessDenied            a good token of the wrong kind
    ├── Overloaded              too much at once
    ├── Unavailable             a part that is needed can't be reached
    │   └── StoreUnavailable    the database can't
    ├── InvalidPageToken        a page token nobody here sealed
    └── RequestIdReused         the same request id with another payload

A service adds its own tree and one `ErrorTable`. Whatever is in no table is unexpected: the caller gets INTERNAL with a
correlation id, the log gets the rest.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import NamedTuple

import grpc
import structlog
from google.protobuf.duration_pb2 import Duration
from google.protobuf.message import Message
from google.rpc import code_pb2, error_details_pb2, status_pb2
from grpc_status import rpc_status

from mesh.ids import uuid7

MESH_DOMAIN = "readback.options.v1"
RETRY_AFTER = timedelta(milliseconds=500)
"""Wait suggested to callers of an overloaded service or one without its database."""
_log = structlog.get_logger()


class DomainError(Exception):
    """Base of what a domain raises. `str(error)` reaches the caller, so write it for them."""

    def __init__(
        self,
        message: str,
        *,
        metadata: Mapping[str, str] | None = None,
        retry_after: timedelta | None = None,
        field: str | None = None,
    ) -> None:
        super().__init__(message)
        self.metadata = dict(metadata or {})
        self.retry_after = retry_after
        self.field = field


class FieldViolation(NamedTuple):
    """One field that breaks its rule."""

    field: str
    """Path of the field, for example `drafts[2].entry_id`."""
    description: str
    """What is wrong with it."""


class InvalidRequest(DomainError):
    """Fields of the request break their rules."""

    def __init__(self, violations: Sequence[FieldViolation]) -> None:
        super().__init__(
            "; ".join(f"{field}: {description}" for field, description in violations)
            or "The request is malformed."
        )
        self.violations = tuple(violations)


class Unauthenticated(DomainError):
    """No token, or one that is expired, malformed, foreign or of another kind."""

    def __init__(self, problem: str) -> None:
        super().__init__(f"This needs a valid access token ({problem}).", metadata={"problem": problem})


class AccessDenied(DomainError):
    """A good token of a kind that may not do this."""


class Overloaded(DomainError):
    """Too many calls at once."""


def overloaded() -> Overloaded:
    """Return the error for a process that handles too many RPCs."""
    return Overloaded("Too much is going on just now.", metadata={"scope": "total"}, retry_after=RETRY_AFTER)


class Unavailable(DomainError):
    """A part that is needed can't be reached just now."""

    def __init__(self, message: str, *, retry_after: timedelta = timedelta(seconds=1)) -> None:
        super().__init__(message, retry_after=retry_after)


class StoreUnavailable(Unavailable):
    """The database can't be reached just now, or did not answer in time."""

    def __init__(self) -> None:
        super().__init__(
            "The store can't be reached just now; what was asked for may have been done.",
            retry_after=RETRY_AFTER,
        )


class InvalidPageToken(DomainError):
    """A page token that is malformed, of another request, or sealed by nobody we know."""

    def __init__(self) -> None:
        super().__init__("The page token is not valid for this request.", field="page_token")


class RequestIdReused(DomainError):
    """A request id that came before with another payload."""

    def __init__(self, request_id: str) -> None:
        super().__init__(
            "This request id was already used for another request.", metadata={"request_id": request_id}
        )


ErrorTable = Mapping[type[DomainError], tuple[grpc.StatusCode, str]]
"""From a domain's error to its gRPC code and the name of its reason in the service's `ErrorReason` enum; subclasses inherit."""

MESH_ERRORS: ErrorTable = {
    InvalidRequest: (grpc.StatusCode.INVALID_ARGUMENT, "MESH_ERROR_REASON_INVALID_REQUEST"),
    Unauthenticated: (grpc.StatusCode.UNAUTHENTICATED, "MESH_ERROR_REASON_UNAUTHENTICATED"),
    AccessDenied: (grpc.StatusCode.PERMISSION_DENIED, "MESH_ERROR_REASON_ACCESS_DENIED"),
    Overloaded: (grpc.StatusCode.RESOURCE_EXHAUSTED, "MESH_ERROR_REASON_OVERLOADED"),
    Unavailable: (grpc.StatusCode.UNAVAILABLE, "MESH_ERROR_REASON_UNAVAILABLE"),
    InvalidPageToken: (grpc.StatusCode.INVALID_ARGUMENT, "MESH_ERROR_REASON_INVALID_PAGE_TOKEN"),
    RequestIdReused: (grpc.StatusCode.ALREADY_EXISTS, "MESH_ERROR_REASON_REQUEST_ID_REUSED"),
}

_PASSED_ON = {
    grpc.StatusCode.UNAVAILABLE,
    grpc.StatusCode.DEADLINE_EXCEEDED,
    grpc.StatusCode.RESOURCE_EXHAUSTED,
    grpc.StatusCode.UNAUTHENTICATED,
}


def status_for(error: BaseException, table: ErrorTable, domain: str) -> status_pb2.Status:
    """The status a caller gets for an error raised by a handler.

    `domain` is the package of the service's `ErrorReason`. Logs what is unexpected, with its traceback.
    """
    if isinstance(error, DomainError):
        for kind in type(error).__mro__:
            if kind in table:
                return _status(error, *table[kind], domain)
            if kind in MESH_ERRORS:
                return _status(error, *MESH_ERRORS[kind], MESH_DOMAIN)
    if isinstance(error, grpc.aio.AioRpcError) and error.code() in _PASSED_ON:
        _log.warning("a service this one needs failed", code=error.code().name, details=error.details())
        if error.code() is grpc.StatusCode.RESOURCE_EXHAUSTED:
            # Not UNAVAILABLE: that is retried, and what is overloaded must not be asked more often.
            busy = Overloaded(
                "A part of the system is overloaded.",
                metadata={"scope": "upstream"},
                retry_after=retry_after_of(error),
            )
            return _status(busy, *MESH_ERRORS[Overloaded], MESH_DOMAIN)
        if error.code() is grpc.StatusCode.UNAUTHENTICATED:
            return _status(Unauthenticated("refused"), *MESH_ERRORS[Unauthenticated], MESH_DOMAIN)
        return _status(
            Unavailable("A part of the system can't be reached just now."),
            *MESH_ERRORS[Unavailable],
            MESH_DOMAIN,
        )
    return _unexpected(error)


def _status(error: DomainError, code: grpc.StatusCode, reason: str, domain: str) -> status_pb2.Status:
    details: list[Message] = [
        error_details_pb2.ErrorInfo(reason=reason, domain=domain, metadata=error.metadata)
    ]
    violations = list(error.violations) if isinstance(error, InvalidRequest) else []
    if error.field:
        violations.append(FieldViolation(error.field, str(error)))
    if violations:
        details.append(error_details_pb2.BadRequest(field_violations=[v._asdict() for v in violations]))
    if error.retry_after is not None:
        delay = Duration()
        delay.FromTimedelta(error.retry_after)
        details.append(error_details_pb2.RetryInfo(retry_delay=delay))
    return _packed(code, str(error), details)


def _unexpected(error: BaseException) -> status_pb2.Status:
    correlation_id = uuid7()
    _log.error("unexpected error", correlation_id=correlation_id, exc_info=error)
    info = error_details_pb2.ErrorInfo(
        reason="MESH_ERROR_REASON_INTERNAL", domain=MESH_DOMAIN, metadata={"correlation_id": correlation_id}
    )
    message = f"Something went wrong on our side; the log knows it as {correlation_id}."
    return _packed(grpc.StatusCode.INTERNAL, message, [info])


def _packed(code: grpc.StatusCode, message: str, details: Sequence[Message]) -> status_pb2.Status:
    status = status_pb2.Status(code=code_pb2.Code.Value(code.name), message=message)
    for detail in details:
        status.details.add().Pack(detail)
    return status


def rpc_error(error: DomainError) -> grpc.aio.AioRpcError:
    """What a caller would get, had a server of the mesh raised this."""
    status = rpc_status.to_status(status_for(error, {}, MESH_DOMAIN))
    return grpc.aio.AioRpcError(
        status.code, grpc.aio.Metadata(), grpc.aio.Metadata(*status.trailing_metadata), status.details
    )


def _detail(error: grpc.aio.AioRpcError, detail: Message) -> bool:
    status = rpc_status.from_call(error)
    return status is not None and any(packed.Unpack(detail) for packed in status.details)


def reason_of(error: grpc.aio.AioRpcError) -> str | None:
    """The ErrorInfo reason of an error a caller got; None when it has none."""
    info = error_details_pb2.ErrorInfo()
    return info.reason if _detail(error, info) else None


def metadata_of(error: grpc.aio.AioRpcError) -> dict[str, str]:
    """The ErrorInfo metadata of an error a caller got."""
    info = error_details_pb2.ErrorInfo()
    return dict(info.metadata) if _detail(error, info) else {}


def violations_of(error: grpc.aio.AioRpcError) -> list[FieldViolation]:
    """The fields that an error names."""
    request = error_details_pb2.BadRequest()
    return (
        [FieldViolation(v.field, v.description) for v in request.field_violations]
        if _detail(error, request)
        else []
    )


def retry_after_of(error: grpc.aio.AioRpcError) -> timedelta | None:
    """How long the server asks to wait before trying again; None when it doesn't say."""
    retry = error_details_pb2.RetryInfo()
    return retry.retry_delay.ToTimedelta() if _detail(error, retry) else None
