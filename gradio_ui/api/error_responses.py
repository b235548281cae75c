"""Failures in words for people: what went wrong behind a route, as JSON `{"error": {"reason", "message", …}}`."""

from __future__ import annotations

from typing import Any

import grpc
import structlog
from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse

from gradio_ui.sign_in.browser_sessions import SessionEnded, TokenRefused
from mesh.errors import metadata_of, reason_of, retry_after_of, violations_of

_log = structlog.get_logger()

HTTP_STATUS = {
    grpc.StatusCode.INVALID_ARGUMENT: 400,
    grpc.StatusCode.UNAUTHENTICATED: 401,
    grpc.StatusCode.PERMISSION_DENIED: 403,
    grpc.StatusCode.NOT_FOUND: 404,
    grpc.StatusCode.ALREADY_EXISTS: 409,
    grpc.StatusCode.FAILED_PRECONDITION: 409,
    grpc.StatusCode.ABORTED: 409,
    grpc.StatusCode.RESOURCE_EXHAUSTED: 429,
    grpc.StatusCode.UNAVAILABLE: 503,
    grpc.StatusCode.DEADLINE_EXCEEDED: 503,
}
"""HTTP status of each gRPC code that a service answers with on purpose; whatever else is 500."""

FIELDS = {
    "display_name": "Please tell us your name, in 100 characters at most.",
    "email": "Please enter a valid e-mail address.",
    "password": "The password needs at least 8 characters and at most 256.",
}
"""What to say about each field of the sign-in form when the identity service refuses it."""
_AWAY = {
    "/auth/": "Signing in isn't possible just now: the account service doesn't answer. Please try again in a moment.",
    "/api/": "Calls and transcripts can't be reached just now. Nothing is lost; please try again in a moment.",
}
_UNEXPECTED = "Something went wrong on our side. Please try again."


def answer_failures(app: FastAPI) -> None:
    """Makes every route of an app answer failures in this form."""
    app.add_exception_handler(grpc.aio.AioRpcError, _service_failed)
    app.add_exception_handler(SessionEnded, _session_ended)
    app.add_exception_handler(TokenRefused, _token_refused)
    app.add_exception_handler(RequestValidationError, _malformed)
    app.add_exception_handler(Exception, _unexpected)


def failure(status: int, reason: str, message: str, **more: Any) -> JSONResponse:
    """The answer for a failure."""
    return JSONResponse({"error": {"reason": reason, "message": message, **more}}, status)


async def _service_failed(request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, grpc.aio.AioRpcError)
    status = HTTP_STATUS.get(error.code(), 500)
    reason = short_reason(error)
    more: dict[str, Any] = {}
    wait = retry_after_of(error)
    if wait is not None:
        more["retry_after_seconds"] = wait.total_seconds()
    if violations := violations_of(error):
        more["fields"] = [violation.field for violation in violations]
    if metadata := metadata_of(error):
        more["metadata"] = metadata
    return failure(status, reason, _message(request.url.path, status, error), **more)


def short_reason(error: grpc.aio.AioRpcError) -> str:
    """Why a service refused, as the value of its `ErrorReason` without the enum's prefix; the gRPC code when it doesn't say."""
    return (reason_of(error) or error.code().name).rpartition("ERROR_REASON_")[2]


def _message(path: str, status: int, error: grpc.aio.AioRpcError) -> str:
    """The service's own words where it has any, except about fields: those are written for programmers."""
    if status == 503:
        return next((text for prefix, text in _AWAY.items() if path.startswith(prefix)), _UNEXPECTED)
    if status == 500:
        _log.error("a service failed", path=path, code=error.code().name, details=error.details())
        return _UNEXPECTED
    malformed = path.startswith("/auth/") and short_reason(error) == "INVALID_REQUEST"
    about_fields = (
        [FIELDS[field] for field, _ in violations_of(error) if field in FIELDS] if malformed else []
    )
    return " ".join(about_fields) or error.details() or _UNEXPECTED


async def _session_ended(_request: Request, _error: Exception) -> JSONResponse:
    return failure(401, "SIGNED_OUT", "Please sign in again.")


async def _token_refused(request: Request, error: Exception) -> JSONResponse:
    # No 401, for which pages leave to the sign-in page: that sends whoever is signed in back, and so on without end.
    _log.error(
        "a service takes no token of a session that identity goes on with",
        path=request.url.path,
        cause=repr(error.__cause__),
    )
    return failure(
        503, "TOKEN_REFUSED", "Your sign-in wasn't accepted just now. Please try again in a moment."
    )


async def _malformed(_request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, RequestValidationError)
    fields = [".".join(str(part) for part in problem["loc"][1:]) for problem in error.errors()]
    return failure(400, "INVALID_REQUEST", "That request was not understood.", fields=fields)


async def _unexpected(request: Request, error: Exception) -> JSONResponse:
    _log.error("unexpected error", path=request.url.path, exc_info=error)
    return failure(500, "INTERNAL", _UNEXPECTED)
