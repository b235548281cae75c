"""`readback serve`, `readback agent`, `readback ui`: single parts, for the supervisor or a container."""

from __future__ import annotations

import importlib
import sys
from enum import StrEnum
from typing import Annotated

import typer


class Service(StrEnum):
    """Services of the mesh."""

    IDENTITY = "identity"
    CONVERSATION = "conversation"
    FLIGHTDATA = "flightdata"
    BOOKING = "booking"
    GATEWAY = "gateway"


def register(app: typer.Typer) -> None:
    """Add the commands."""
    app.command()(serve)
    app.command()(agent)
    app.command()(ui)


def serve(
    names: Annotated[
        list[Service], typer.Argument(help="Services to run; each of several runs in its own process.")
    ],
) -> None:
    """Run one or more services."""
    if len(set(names)) > 1:
        # Imported here, because a single service doesn't need the supervisor and shouldn't wait for its
        # import.
        from cli.supervisor.foreground import serve_all

        serve_all({str(name) for name in names})
    else:
        _run(f"services.{names[0]}.app")


def agent() -> None:
    """Run a voice-agent worker."""
    _run("agent.worker")


def ui() -> None:
    """Run the web app."""
    _run("gradio_ui.app")


def _run(module: str) -> None:
    """Run the `main` of a part. It gets no arguments, and reads its settings from the environment."""
    sys.argv[1:] = []
    importlib.import_module(module).main()
