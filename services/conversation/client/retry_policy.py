"""Which answers the recorder and the late append retry."""

from __future__ import annotations

from grpc import StatusCode

RECORD_FATAL = {
    StatusCode.ABORTED,
    StatusCode.FAILED_PRECONDITION,
    StatusCode.INVALID_ARGUMENT,
    StatusCode.NOT_FOUND,
    StatusCode.PERMISSION_DENIED,
    StatusCode.UNIMPLEMENTED,
}
"""Status codes of `Record` that end the recorder, because a retry would get the same code."""
RECORD_FAILED = {StatusCode.DATA_LOSS, StatusCode.INTERNAL, StatusCode.UNKNOWN}
"""Status codes of `Record` from a running service that failed to process a message."""
LATE_REJECTED = {
    StatusCode.ABORTED,
    StatusCode.ALREADY_EXISTS,
    StatusCode.FAILED_PRECONDITION,
    StatusCode.INVALID_ARGUMENT,
    StatusCode.NOT_FOUND,
}
"""Status codes of a late `Append` that reject the entry. A retry would get the same code."""
LATE_UNAVAILABLE = {
    StatusCode.DEADLINE_EXCEEDED,
    StatusCode.RESOURCE_EXHAUSTED,
    StatusCode.UNAUTHENTICATED,
    StatusCode.UNAVAILABLE,
}
"""Status codes of a late `Append` if the service can store no entry now. Any code in neither set, such as
INTERNAL, means that the service failed to process this entry. A later attempt may succeed, and other entries
may be stored."""
