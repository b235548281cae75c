"""`readback doctor`: what is configured, reachable, missing."""

from __future__ import annotations

import asyncio
import json
from dataclasses import asdict
from typing import Annotated

import typer
from rich.console import Console
from rich.markup import escape

from cli import checkup
from cli.checkup import Finding, State
from cli.settings import check_all

_COLOURS = {
    State.OK: "green",
    State.NOTE: "cyan",
    State.MISSING: "red",
    State.UNREACHABLE: "red",
    State.WRONG: "yellow",
}


def register(app: typer.Typer) -> None:
    """Adds the command."""
    app.command()(doctor)


def doctor(as_json: Annotated[bool, typer.Option("--json", help="One JSON object a line.")] = False) -> None:
    """Tell what is configured, reachable and missing. Exits 0 when everything answers, 1 when not, 2 when a setting is wrong."""
    settings = check_all()
    findings = [*checkup.installation(settings), *asyncio.run(checkup.parts(settings))]
    if as_json:
        for finding in findings:
            print(json.dumps(asdict(finding)))
    else:
        _show(findings)
    if any(finding.state.is_trouble for finding in findings):
        raise typer.Exit(1)


def _show(findings: list[Finding]) -> None:
    console = Console()
    for finding in findings:
        state = f"[{_COLOURS[finding.state]}]{finding.state:<11}[/]"
        console.print(
            f"  {finding.subject:<15} {state}  {escape(finding.detail)}", highlight=False, soft_wrap=True
        )
    if any(finding.state is State.UNREACHABLE for finding in findings):
        console.print("\n`readback up` starts what is unreachable.", highlight=False)
