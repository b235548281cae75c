"""The `readback` command."""

from __future__ import annotations

import os
import sys
import traceback
from pathlib import Path

import typer

from cli.commands import account, call, data, doctor, flights, serve, understand, up, watch
from cli.errors import CommandError
from mesh.settings import CHECKOUT, ConfigurationError

app = typer.Typer(
    help="Readback, a travel voice agent. `readback up` starts everything; the other commands talk to what runs.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode="rich",
)
for group in (up, serve, doctor, account, call, watch, flights, understand, data):
    group.register(app)


def run() -> None:
    """Runs the command line; whatever goes wrong ends as one sentence and an exit code."""
    try:
        app()
    except CommandError as error:
        _fail(str(error), error.exit_code)
    except ConfigurationError as error:
        _fail(str(error), 2)
    except KeyboardInterrupt:
        sys.exit(130)
    except BrokenPipeError:
        # Whoever read our output has gone; the interpreter must not complain about it when it flushes.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(1)
    except Exception as error:  # noqa: BLE001  # the last place where a traceback can be kept from the person
        _fail(f"Something unexpected went wrong ({type(error).__name__}); the details are in {_record()}.", 1)


def _fail(sentence: str, code: int) -> None:
    print(sentence, file=sys.stderr)
    sys.exit(code)


def _record() -> Path:
    """Writes the traceback where the person can find it and we can ask for it."""
    path = Path(os.environ.get("READBACK_HOME") or CHECKOUT / ".readback") / "logs" / "command.log"
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("a") as file:
        traceback.print_exc(file=file)
    return path
