"""What an exception means to the person at the command line."""

from __future__ import annotations

import grpc

from cli.errors import CommandError, UsageError
from mesh.errors import retry_after_of, violations_of
from mesh.settings import ConfigurationError


def explained(error: Exception) -> tuple[str, int] | None:
    """One sentence (what went wrong and what to do) and the exit code; None for what nobody expected."""
    if isinstance(error, CommandError):
        return str(error), error.exit_code
    if isinstance(error, ConfigurationError):
        return str(error), UsageError.exit_code
    if isinstance(error, grpc.aio.AioRpcError):
        return _refused(error), CommandError.exit_code
    if isinstance(error, ExceptionGroup) and len(error.exceptions) == 1:
        return explained(error.exceptions[0])
    return None


def _refused(error: grpc.aio.AioRpcError) -> str:
    if error.code() is grpc.StatusCode.UNAVAILABLE and "connect" in (error.details() or "").lower():
        return "Readback can't be reached; start it with `readback up`, with the same READBACK_* settings as this command."
    if error.code() is grpc.StatusCode.DEADLINE_EXCEEDED:
        return "Readback took too long to answer; `readback doctor` shows which part is in trouble."
    violations = violations_of(error)
    if violations:
        return "; ".join(f"{field}: {description}" for field, description in violations)
    wait = retry_after_of(error)
    hint = f" Try again in {wait.total_seconds():.0f} s." if wait else ""
    return f"{error.details() or error.code().name}{hint}"
