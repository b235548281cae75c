"""`readback serve`, `readback agent`, `readback ui`: one part at a time, as the supervisor or a container starts it."""

from __future__ import annotations

import asyncio
import importlib
import sys
from enum import StrEnum
from typing import Annotated

import typer
from rich.console import Console

from cli.errors import UsageError
from cli.settings import check_all
from cli.supervisor import ports
from cli.supervisor.foreground import supervise
from cli.supervisor.parts import parts_of
from mesh.settings import ConfigurationError


class Service(StrEnum):
    """Services that can be served."""

    IDENTITY = "identity"
    CONVERSATION = "conversation"
    FLIGHTDATA = "flightdata"


def register(app: typer.Typer) -> None:
    """Adds the commands."""
    app.command()(serve)
    app.command()(agent)
    app.command()(ui)


def serve(names: Annotated[list[Service], typer.Argument(help="Services to serve, each in a process of its own.")]) -> None:
    """Serve one service of the mesh, or several."""
    if len(names) == 1:
        _run(f"services.{names[0]}.app")
        return
    settings = check_all()
    parts = [part for part in parts_of(settings, None, None) if part.name in set(names)]
    ports.check(parts, settings.bind)
    settings.secrets.make_all()
    asyncio.run(supervise(settings, parts, Console()))


def agent() -> None:
    """Run a voice-agent worker."""
    _run("agent.worker")


def ui() -> None:
    """Run the web page."""
    _run("gradio_ui.app")


def _run(module: str) -> None:
    """Runs the `main` of a part. Imported here, so that no other command pays for it."""
    try:
        importlib.import_module(module).main()
    except ConfigurationError as error:
        print(error, file=sys.stderr)
        raise SystemExit(UsageError.exit_code) from None
