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

GROUPS = {
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
"""Each command and the module of `cli.commands` that holds it."""

HELP = (
    "Readback, a travel voice agent. `readback up` starts everything; the other commands talk to what runs."
)


PARTS = frozenset({"serve", "agent", "ui", "mcp"})
"""Commands that are processes of the product, with logs of their own."""


def build(wanted: str | None = None) -> typer.Typer:
    """The command line; with the group of `wanted` alone, since every part starts through here and imports cost a second."""
    app = typer.Typer(
        help=HELP,
        no_args_is_help=True,
        add_completion=False,
        pretty_exceptions_enable=False,
        rich_markup_mode="rich",
    )
    app.callback(help=HELP)(lambda: None)
    for group in [GROUPS[wanted]] if wanted in GROUPS else dict.fromkeys(GROUPS.values()):
        importlib.import_module(f"cli.commands.{group}").register(app)
    return app


def run() -> None:
    """Runs the command line; whatever goes wrong ends as one sentence and an exit code."""
    wanted = sys.argv[1] if len(sys.argv) > 1 else None
    try:
        _run(wanted)
    except SystemExit as ended:
        if wanted == "call" and isinstance(ended.code, int | None):
            _end_at_once(ended.code or 0)
        raise


def _end_at_once(code: int) -> None:
    """Ends without taking the interpreter down: a thread of LiveKit's that calls into it just then would abort the process."""
    with contextlib.suppress(OSError):
        sys.stdout.flush()
        sys.stderr.flush()
    os._exit(code)


def _run(wanted: str | None) -> None:
    try:
        if wanted not in PARTS:
            _silence_logs()
        build(wanted)()
    except KeyboardInterrupt:
        sys.exit(130)
    except BrokenPipeError:
        # Whoever read our output has gone; the interpreter must not complain about it when it flushes.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(1)
    except Exception as error:  # noqa: BLE001  # the last place where a traceback can be kept from the person
        from cli.failures import explained  # costs gRPC's import, which most commands don't need

        sentence, code = explained(error) or (
            f"Something unexpected went wrong ({type(error).__name__}); the details are in {_record()}.",
            1,
        )
        print(sentence, file=sys.stderr)
        sys.exit(code)


def _silence_logs() -> None:
    """Libraries log for services; at a command line their lines would stand between ours."""
    import structlog  # a part configures it by itself, later

    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.CRITICAL))
    logging.getLogger().addHandler(logging.NullHandler())


def _record() -> Path:
    """Writes the traceback where the person can find it and we can ask for it."""
    home = Path(os.environ.get("READBACK_HOME") or Path(__file__).resolve().parent.parent / ".readback")
    path = home / "logs" / "command.log"
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("a") as file:
        traceback.print_exc(file=file)
    return path
