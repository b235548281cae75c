"""Exceptions for answers that are errors: `ReadbackError`, with a subclass for each reason."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from importlib import import_module
from typing import Any, ClassVar

import grpc
from google.rpc import error_details_pb2, status_pb2

_DETAILS = "grpc-status-details-bin"
_classes: dict[str, type[ReadbackError]] = {}


@dataclass
class ReadbackError(Exception):
    """A service, or the connection to it, answered with an error.

    Catch a subclass of `readback_client.error_reasons`, for example `ConversationNotFound`, or look at
    `reason`. An error without a reason doesn't come from Readback, but from the connection.
    """

    message: str
    """The problem and what to do, written for people."""
    code: grpc.StatusCode
    reason: str = ""
    """Name of the reason, for example `CONVERSATION_NOT_FOUND`; empty if there is none."""
    metadata: Mapping[str, str] = field(default_factory=dict)
    """Facts that belong to the reason."""
    violations: Mapping[str, str] = field(default_factory=dict)
    """Fields of the request that break their rules, each with the problem in words."""
    retry_after: timedelta | None = None
    """Time after which the service suggests to try again."""

    expected_reason: ClassVar[str] = ""
    """The reason that this class stands for."""

    def __init_subclass__(cls, *, reason: str) -> None:
        cls.expected_reason = reason
        _classes[reason] = cls

    def __str__(self) -> str:
        return f"{self.message} [{self.reason or self.code.name}]"


@dataclass
class ErrorDetails:
    """The details of an error of gRPC."""

    info: error_details_pb2.ErrorInfo = field(default_factory=error_details_pb2.ErrorInfo)
    bad_request: error_details_pb2.BadRequest = field(default_factory=error_details_pb2.BadRequest)
    retry: error_details_pb2.RetryInfo | None = None

    @classmethod
    def of(cls, error: grpc.aio.AioRpcError) -> ErrorDetails:
        """Return the details that the service sent; empty ones if it sent none."""
        found = cls()
        for value in _status(error).details:
            if value.Is(error_details_pb2.ErrorInfo.DESCRIPTOR):
                value.Unpack(found.info)
            elif value.Is(error_details_pb2.BadRequest.DESCRIPTOR):
                value.Unpack(found.bad_request)
            elif value.Is(error_details_pb2.RetryInfo.DESCRIPTOR):
                found.retry = error_details_pb2.RetryInfo()
                value.Unpack(found.retry)
        return found

    @property
    def retry_after(self) -> timedelta | None:
        """Return the wait that the service asks for."""
        return self.retry.retry_delay.ToTimedelta() if self.retry else None


def typed(error: grpc.aio.AioRpcError) -> ReadbackError:
    """Return the exception for an error of gRPC."""
    import_module("readback_client.gen.error_reasons")
    details = ErrorDetails.of(error)
    kind = _classes.get(details.info.reason, ReadbackError)
    return kind(
        message=error.details() or error.code().name,
        code=error.code(),
        reason=details.info.reason,
        metadata=dict(details.info.metadata),
        violations={each.field: each.description for each in details.bad_request.field_violations},
        retry_after=details.retry_after,
    )


def _status(error: grpc.aio.AioRpcError) -> Any:
    metadata: Any = error.trailing_metadata() or ()
    data = next((value for key, value in metadata if key == _DETAILS), b"")
    try:
        return status_pb2.Status.FromString(data)
    except ValueError:  # a proxy's, or no protobuf
        return status_pb2.Status()
