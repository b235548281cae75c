"""The `readback` command."""

from __future__ import annotations

import contextlib
import importlib
import logging
import os
import sys
import traceback
from pathlib import Path

import typer

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
"""Commands that run a part of the product; each configures its own logs."""


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
        build(command)()
    except KeyboardInterrupt:
        sys.exit(130)
    except BrokenPipeError:
        # The reader of our output is gone. Without this, the interpreter fails again when it flushes stdout.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(1)
    except Exception as error:  # noqa: BLE001  # the user must not see a traceback
        from cli.errors import explain

        sentence, code = explain(error) or (
            f"An unexpected error occurred ({type(error).__name__}); see the details in {_save_traceback()}.",
            1,
        )
        print(sentence, file=sys.stderr)
        sys.exit(code)


def _silence_logs() -> None:
    """Stop libraries from logging into the command's output."""
    import structlog  # imported here, because each part configures it itself

    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.CRITICAL))
    logging.getLogger().addHandler(logging.NullHandler())


def _save_traceback() -> Path:
    """Append the current traceback to `logs/command.log` in the home; return the path of this file."""
    home = Path(os.environ.get("READBACK_HOME") or Path(__file__).resolve().parent.parent / ".readback")
    path = home / "logs" / "command.log"
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("a") as file:
        traceback.print_exc(file=file)
    return path
