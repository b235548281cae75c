"""Errors of the command line, with their sentence for the user and their exit code.

CommandError            failed while running                                exit 1
└── UsageError          the command or a setting is wrong                   exit 2
    └── ToolMissing     a needed program is missing and can't be built
"""

from __future__ import annotations

import errno
import sqlite3
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import grpc

    from mesh.errors import StoreUnavailable

_NO_SPACE = {errno.ENOSPC, errno.EDQUOT, errno.EIO}
_NOT_A_FOLDER = {errno.ENOTDIR, errno.EEXIST}
_NOT_USABLE = {errno.EACCES, errno.EPERM, errno.EROFS, errno.EISDIR, errno.ENOENT, errno.ELOOP}


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

    from mesh.errors import StoreUnavailable
    from mesh.settings import ConfigurationError

    if isinstance(error, CommandError):
        return str(error), error.exit_code
    if isinstance(error, ConfigurationError):
        return str(error), UsageError.exit_code
    if isinstance(error, OSError) and (sentence := _explain_file(error)):
        return sentence, UsageError.exit_code
    if isinstance(error, UnicodeError):
        return "An argument or the input is not text in UTF-8; correct its encoding.", UsageError.exit_code
    if isinstance(error, StoreUnavailable):
        return _explain_database(error)
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


def _explain_file(error: OSError) -> str | None:
    """Return the sentence for a file that can't be used; None if the error is not about a file."""
    if error.errno not in _NO_SPACE | _NOT_A_FOLDER | _NOT_USABLE:
        return None
    reason = "not a folder" if error.errno in _NOT_A_FOLDER else (error.strerror or "").lower()
    # A copy that fails names its source first. A failed write names no file: almost all are in the home.
    name = error.filename2 or error.filename
    if name is None:
        return _explain_home(reason) if error.errno in _NO_SPACE else None
    path, home = Path(str(name)), _home()
    if path.is_relative_to(home) or home.is_relative_to(path):
        return _explain_home(f"{path}: {reason}")
    return f"{path} can't be used: {reason}."


def _explain_database(error: StoreUnavailable) -> tuple[str, int]:
    cause = getattr(error.__cause__, "orig", None) or error.__cause__
    reason = str(cause).partition("\n")[0]
    if isinstance(cause, sqlite3.Error):
        return _explain_home(reason), UsageError.exit_code
    return (
        f"The database can't be reached ({reason}); start it, or correct READBACK_*_DATABASE_URL.",
        CommandError.exit_code,
    )


def _explain_home(reason: str) -> str:
    return (
        f"{_home()} can't be used ({reason}); make it a writable folder with free space, "
        "or set READBACK_HOME to another one."
    )


def _home() -> Path:
    from mesh.settings import MeshSettings, load

    return load(MeshSettings).home
