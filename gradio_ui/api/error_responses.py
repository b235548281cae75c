"""Error responses of the routes: JSON `{"error": {"reason", "message", …}}`."""

from __future__ import annotations

from typing import Any

import grpc
import structlog
from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse

from gradio_ui.sign_in.browser_sessions import BrowserSessionEnded, TokenRefused
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
"""HTTP status for each gRPC code that services send on purpose. Any other code becomes 500."""

FIELD_MESSAGES = {
    "display_name": "Please enter your name, at most 100 characters.",
    "email": "Please enter a valid e-mail address.",
    "password": "The password needs at least 8 characters and at most 256.",
}
"""Message for each form field whose value the identity service can refuse."""
_UNAVAILABLE = {
    "/auth/": "The account service is not available. Please try to sign in again in a moment.",
    "/api/": "Calls and transcripts are not available. No data is lost. Please try again in a moment.",
}
_UNEXPECTED = "Something went wrong on our side. Please try again."


def add_error_handlers(app: FastAPI) -> None:
    """Register handlers that turn errors in any route of the app into error responses."""
    app.add_exception_handler(grpc.aio.AioRpcError, _service_error)
    app.add_exception_handler(BrowserSessionEnded, _session_ended)
    app.add_exception_handler(TokenRefused, _token_refused)
    app.add_exception_handler(RequestValidationError, _invalid_request)
    app.add_exception_handler(Exception, _unexpected)


def error_response(status: int, reason: str, message: str, **details: Any) -> JSONResponse:
    """Return an error response; `details` are further fields of `error`."""
    return JSONResponse({"error": {"reason": reason, "message": message, **details}}, status)


async def _service_error(request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, grpc.aio.AioRpcError)
    status = HTTP_STATUS.get(error.code(), 500)
    details: dict[str, Any] = {}
    delay = retry_after_of(error)
    if delay is not None:
        details["retry_after_seconds"] = delay.total_seconds()
    if violations := violations_of(error):
        details["fields"] = [violation.field for violation in violations]
    if metadata := metadata_of(error):
        details["metadata"] = metadata
    return error_response(status, short_reason(error), _message(request.url.path, status, error), **details)


def short_reason(error: grpc.aio.AioRpcError) -> str:
    """Return the service's `ErrorReason` or the name of the gRPC code."""
    return reason_of(error) or error.code().name


def _message(path: str, status: int, error: grpc.aio.AioRpcError) -> str:
    """Return the service's message. Replace messages about form fields, which are written for developers."""
    if status == 503:
        return next((text for prefix, text in _UNAVAILABLE.items() if path.startswith(prefix)), _UNEXPECTED)
    if status == 500:
        _log.error("service call failed", path=path, code=error.code().name, details=error.details())
        return _UNEXPECTED
    about_form = path.startswith("/auth/") and short_reason(error) == "INVALID_REQUEST"
    fields = [field for field, _ in violations_of(error) if field in FIELD_MESSAGES] if about_form else []
    return " ".join(FIELD_MESSAGES[field] for field in fields) or error.details() or _UNEXPECTED


async def _session_ended(_request: Request, _error: Exception) -> JSONResponse:
    return error_response(401, "SIGNED_OUT", "Please sign in again.")


async def _token_refused(request: Request, error: Exception) -> JSONResponse:
    # After a 401 the browser would open the sign-in page, which redirects signed-in browsers to the app.
    _log.error("service refused token of valid session", path=request.url.path, cause=repr(error.__cause__))
    message = "Your sign-in could not be checked. Please try again in a moment."
    return error_response(503, "TOKEN_REFUSED", message)


async def _invalid_request(_request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, RequestValidationError)
    fields = [".".join(str(part) for part in problem["loc"][1:]) for problem in error.errors()]
    return error_response(400, "INVALID_REQUEST", "The request is not valid.", fields=fields)


async def _unexpected(request: Request, error: Exception) -> JSONResponse:
    _log.error("unexpected error", path=request.url.path, exc_info=error)
    return error_response(500, "INTERNAL", _UNEXPECTED)
