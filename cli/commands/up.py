"""`readback up`: run the whole product on this machine."""

from __future__ import annotations

import asyncio
from functools import partial
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.markup import escape

from cli.livekit import config, server
from cli.settings import UpSettings, check_all, unknown_variables
from cli.supervisor import home, ports
from cli.supervisor.foreground import supervise
from cli.supervisor.parts import Part, parts_of
from gradio_ui.settings import UiSettings
from mesh.settings import load, reachable_host, with_port

EXAMPLES = (
    "Show flights from Chennai to Delhi tomorrow morning.",
    "What about the evening?",
    "Is AI 542 on time?",
)


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command()(up)


def up(
    verbose: Annotated[
        bool, typer.Option("--verbose", "-v", help="Show all log lines of the parts.")
    ] = False,
) -> None:
    """Start everything: services, LiveKit server, agent and web app. Ctrl-C ends it."""
    console = Console()
    settings = check_all()
    _warn_of_unknown_variables(console)
    with home.locked(settings.home):
        parts = _prepare(settings, console)
        console.print(f"\n[bold]Readback[/]  starting {len(parts)} parts\n", highlight=False)
        welcome = partial(_welcome, settings, console)
        asyncio.run(supervise(settings, parts, console, verbose=verbose, when_ready=welcome))


def _warn_of_unknown_variables(console: Console) -> None:
    for name, similar in unknown_variables().items():
        hint = f"; did you mean {similar}?" if similar else "."
        console.print(f"  [yellow]![/] {name} is not a setting of Readback{hint}", highlight=False)


def _prepare(settings: UpSettings, console: Console) -> tuple[Part, ...]:
    """Do all steps that may fail, before the first part is started; return the parts to start."""
    home.require_secrets_of_databases(settings.home)
    program = config_file = None
    if not settings.livekit_is_external:
        ports.check(parts_of(settings, Path(), Path()), settings.bind)
        program = server.provide(settings, console)
        config_file = config.write(settings)
    parts = parts_of(settings, program, config_file)
    ports.check(parts, settings.bind)
    settings.secrets.create_all()
    return parts


def _welcome(settings: UpSettings, console: Console) -> None:
    local = f"http://{with_port(reachable_host(settings.bind), settings.ui_port)}"
    address = load(UiSettings).public_url or local
    lines = (
        f"\n  Open [bold cyan]{address}[/], sign up, press [bold]Call[/] and say:\n",
        *(f"      “{example}”" for example in EXAMPLES),
        f"\n  The flights are sample data and marked as such. Logs: {escape(str(settings.home / 'logs'))}",
        "  Ctrl-C ends everything.\n",
    )
    console.print("\n".join(lines), highlight=False, soft_wrap=True)
