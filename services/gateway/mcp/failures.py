"""A call that failed, as a tool's result: what went wrong, why, and when trying again may help."""

from __future__ import annotations

from typing import Any

import grpc

from mesh.errors import InvalidRequest, Unauthenticated, Unavailable, reason_of, retry_after_of, violations_of


def failed_call(error: grpc.aio.AioRpcError) -> dict[str, Any]:
    """`{"error": {"code", "reason", "message", …}}` for what a service said."""
    told: dict[str, Any] = {
        "code": error.code().name,
        "reason": (reason_of(error) or "").removeprefix("ERROR_REASON_"),
    }
    told["message"] = error.details() or "The service gave no reason."
    if violations := violations_of(error):
        told["fields"] = {violation.field: violation.description for violation in violations}
    if (wait := retry_after_of(error)) is not None:
        told["retry_after_seconds"] = wait.total_seconds()
    return {"error": told}


def bad_arguments(error: InvalidRequest) -> dict[str, Any]:
    """The same for arguments that no request can be made of."""
    told = _refused("INVALID_ARGUMENT", "INVALID_REQUEST", str(error))
    told["error"]["fields"] = {violation.field: violation.description for violation in error.violations}
    return told


def not_let_in(error: Unauthenticated | Unavailable) -> dict[str, Any]:
    """The same for a caller without a good token, or one that can't be verified just now."""
    code = "UNAVAILABLE" if isinstance(error, Unavailable) else "UNAUTHENTICATED"
    return _refused(code, code, str(error))


def no_such_tool(name: str) -> dict[str, Any]:
    """The same for a tool that is not there."""
    return _refused("NOT_FOUND", "NO_SUCH_TOOL", f"There is no tool {name!r}.")


def _refused(code: str, reason: str, message: str) -> dict[str, Any]:
    return {"error": {"code": code, "reason": reason, "message": message}}
