"""The `readback` command."""

from __future__ import annotations

import contextlib
import errno
import importlib
import logging
import os
import stat
import sys
import tempfile
import traceback
from pathlib import Path
from typing import NoReturn

import typer

from cli.rendering.any_encoding import write_any_character

COMMAND_MODULES = {
    "up": "up",
    "serve": "serve",
    "agent": "serve",
    "ui": "serve",
    "doctor": "doctor",
    "login": "account",
    "logout": "account",
    "call": "call",
    "watch": "watch",
    "flights": "flights",
    "mcp": "mcp",
    "understand": "understand",
    "consent": "consent",
    "doubles": "doubles",
    "migrate": "data",
    "reset": "data",
}
"""Each command and its module in `cli.commands`."""
HELP = (
    "Readback, a travel voice agent. "
    "`readback up` starts everything; the other commands work with the running product."
)
PART_COMMANDS = frozenset({"serve", "agent", "ui", "mcp"})
"""Commands that run a part of the product; each configures its own logs if it has any."""


def build(command: str | None = None) -> typer.Typer:
    """Build the command line with only the module of `command`, or with all modules if it is unknown.

    Every part of the product starts with this function. To import all commands would take a second more.
    """
    app = typer.Typer(
        help=HELP,
        no_args_is_help=True,
        add_completion=False,
        pretty_exceptions_enable=False,
        rich_markup_mode="rich",
    )
    app.callback(help=HELP)(lambda: None)
    all_modules = dict.fromkeys(COMMAND_MODULES.values())
    for module in [COMMAND_MODULES[command]] if command in COMMAND_MODULES else all_modules:
        importlib.import_module(f"cli.commands.{module}").register(app)
    return app


def run() -> None:
    """Run the command line. After a failure, print one sentence on stderr and exit with an error code."""
    command = sys.argv[1] if len(sys.argv) > 1 else None
    write_any_character()
    try:
        _run(command)
    except SystemExit as exit_:
        if command == "call" and isinstance(exit_.code, int | None):
            _exit_without_cleanup(exit_.code or 0)
        raise


def _exit_without_cleanup(code: int) -> None:
    """Exit without the interpreter's shutdown, in which a LiveKit thread could abort the process."""
    with contextlib.suppress(OSError):
        sys.stdout.flush()
        sys.stderr.flush()
    os._exit(code)


def _run(command: str | None) -> None:
    try:
        if command not in PART_COMMANDS:
            _silence_logs()
        _run_and_flush(command)
    except KeyboardInterrupt:
        sys.exit(130)
    except Exception as error:  # noqa: BLE001  # the user must not see a traceback
        _exit_after(_only_cause(error))


def _run_and_flush(command: str | None) -> None:
    try:
        build(command)()
    finally:
        if sys.stdout is not None:  # it is None if the shell closed it (`>&-`)
            sys.stdout.flush()  # here, because a failure in the interpreter's shutdown prints a traceback


def _exit_after(error: Exception) -> NoReturn:
    """Exit with the sentence and the code for a failure."""
    if _output_is_closed(error):
        # Without this, the interpreter fails again when it flushes stdout and stderr.
        nothing = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nothing, 1)
        os.dup2(nothing, 2)
        sys.exit(1)
    from cli.errors import explain

    sentence, code = explain(error) or (
        f"An unexpected error occurred ({type(error).__name__}); see the details in {_saved(error)}.",
        1,
    )
    print(sentence, file=sys.stderr)
    sys.exit(code)


def _output_is_closed(error: Exception) -> bool:
    """Return whether the reader of our output is gone: the end of a pipe, or a terminal."""
    if isinstance(error, BrokenPipeError):
        return True
    # A closed terminal is no terminal any more, but still a character device.
    failed_write = isinstance(error, OSError) and error.errno == errno.EIO and error.filename is None
    return failed_write and stat.S_ISCHR(os.fstat(1).st_mode) and not os.isatty(1)


def _only_cause(error: Exception) -> Exception:
    """Return the error of a group with one error."""
    while isinstance(error, ExceptionGroup) and len(error.exceptions) == 1:
        error = error.exceptions[0]
    return error


def _silence_logs() -> None:
    """Stop libraries from logging into the command's output."""
    import structlog  # imported here, because each part configures it itself

    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.CRITICAL))
    logging.getLogger().addHandler(logging.NullHandler())


def _saved(error: Exception) -> Path:
    """Append the traceback to a file, which is in the home if that can be used, and return its path."""
    from mesh.settings import ConfigurationError, MeshSettings, load

    try:
        path = load(MeshSettings).home / "logs" / "command.log"
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("a") as file:
            traceback.print_exception(error, file=file)
    except (OSError, ConfigurationError):
        with tempfile.NamedTemporaryFile("w", prefix="readback-", suffix=".log", delete=False) as file:
            traceback.print_exception(error, file=file)
            path = Path(file.name)
    return path
