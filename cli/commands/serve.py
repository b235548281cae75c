"""`readback serve`, `readback agent`, `readback ui`: one part at a time, as the supervisor or a container starts it."""

from __future__ import annotations

import importlib
import sys
from enum import StrEnum
from typing import Annotated

import typer


class Service(StrEnum):
    """Services that can be served."""

    IDENTITY = "identity"
    CONVERSATION = "conversation"
    FLIGHTDATA = "flightdata"
    GATEWAY = "gateway"


def register(app: typer.Typer) -> None:
    """Adds the commands."""
    app.command()(serve)
    app.command()(agent)
    app.command()(ui)


def serve(
    names: Annotated[
        list[Service],
        typer.Argument(help="Services to serve; several are supervised, each in a process of its own."),
    ],
) -> None:
    """Serve one service of the mesh, or several."""
    if len(set(names)) > 1:
        from cli.supervisor.several import (
            serve_all,
        )  # a single service has no use for a supervisor and shouldn't wait for it

        serve_all({str(name) for name in names})
    else:
        _run(f"services.{names[0]}.app")


def agent() -> None:
    """Run a voice-agent worker."""
    _run("agent.worker")


def ui() -> None:
    """Run the web page."""
    _run("gradio_ui.app")


def _run(module: str) -> None:
    """Runs the `main` of a part, which finds its settings in the environment and no arguments of ours."""
    sys.argv[1:] = []
    importlib.import_module(module).main()
