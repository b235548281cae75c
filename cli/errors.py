"""Errors of the command line, with their sentence for the user and their exit code.

CommandError            failed while running                                exit 1
└── UsageError          the command or a setting is wrong                   exit 2
    └── ToolMissing     a needed program is missing and can't be built
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import grpc


class CommandError(Exception):
    """A command failed. `str(error)` is the sentence for the user: what is wrong, then what to do."""

    exit_code = 1


class UsageError(CommandError):
    """The command or the configuration is wrong; nothing was started."""

    exit_code = 2


class ToolMissing(UsageError):
    """A needed program is missing and can't be built."""


def explain(error: Exception) -> tuple[str, int] | None:
    """Return the sentence for the user and the exit code; None for an unexpected error."""
    import grpc  # imported here, because it is slow to import and only needed after a failure

    from mesh.settings import ConfigurationError

    if isinstance(error, CommandError):
        return str(error), error.exit_code
    if isinstance(error, ConfigurationError):
        return str(error), UsageError.exit_code
    if isinstance(error, grpc.aio.AioRpcError):
        return _explain_rpc(error), CommandError.exit_code
    if isinstance(error, ExceptionGroup) and len(error.exceptions) == 1:
        return explain(error.exceptions[0])
    return None


def _explain_rpc(error: grpc.aio.AioRpcError) -> str:
    from mesh.errors import retry_after_of, violations_of

    details = error.details() or error.code().name
    if error.code().name == "UNAVAILABLE" and "connect" in details.lower():
        return "Can't reach Readback; start it with `readback up` and the same READBACK_* settings."
    if error.code().name == "DEADLINE_EXCEEDED":
        return "Readback took too long to answer; `readback doctor` shows which part is in trouble."
    if violations := violations_of(error):
        return "; ".join(f"{field}: {description}" for field, description in violations)
    wait = retry_after_of(error)
    return f"{details} Try again in {wait.total_seconds():.0f} s." if wait else details
