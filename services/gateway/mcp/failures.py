"""A call that failed, as a tool's result: what went wrong, why, and when trying again may help."""

from __future__ import annotations

from typing import Any

import grpc

from mesh.errors import InvalidRequest, reason_of, retry_after_of, violations_of


def failed_call(error: grpc.aio.AioRpcError) -> dict[str, Any]:
    """`{"error": {"code", "reason", "message", …}}` for what a service said."""
    told: dict[str, Any] = {"code": error.code().name, "reason": (reason_of(error) or "").removeprefix("ERROR_REASON_")}
    told["message"] = error.details() or "The service gave no reason."
    if violations := violations_of(error):
        told["fields"] = {violation.field: violation.description for violation in violations}
    if (wait := retry_after_of(error)) is not None:
        told["retry_after_seconds"] = wait.total_seconds()
    return {"error": told}


def bad_arguments(error: InvalidRequest) -> dict[str, Any]:
    """The same for arguments that no request can be made of."""
    fields = {violation.field: violation.description for violation in error.violations}
    return {"error": {"code": "INVALID_ARGUMENT", "reason": "INVALID_REQUEST", "message": str(error), "fields": fields}}
