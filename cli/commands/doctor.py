"""`readback doctor`: checks of the installation, and of each running part."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from enum import StrEnum
from pathlib import Path
from typing import Annotated
from urllib.parse import urlsplit

import typer
from rich.console import Console
from rich.markup import escape

from cli.account.credentials_files import credentials_file
from cli.errors import CommandError, ToolMissing
from cli.golang.program import find_go
from cli.livekit import server
from cli.rendering.any_encoding import print_json
from cli.settings import UpSettings, check_all, unknown_variables
from cli.supervisor import home, readiness
from cli.supervisor.parts import parts_of


class State(StrEnum):
    """Result of a check."""

    OK = "ok"
    NOTE = "note"
    """Nothing is wrong, but the user should know the detail."""
    MISSING = "missing"
    UNREACHABLE = "unreachable"
    WRONG = "wrong"

    @property
    def is_trouble(self) -> bool:
        """True if the product can't work in this state."""
        return self not in (State.OK, State.NOTE)


_COLOURS = {
    State.OK: "green",
    State.NOTE: "cyan",
    State.MISSING: "red",
    State.UNREACHABLE: "red",
    State.WRONG: "yellow",
}


@dataclass(frozen=True, slots=True)
class Finding:
    """One check and its result."""

    subject: str
    state: State
    detail: str


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command()(doctor)


def doctor(
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object per line.")] = False,
) -> None:
    """Check the configuration, the programs and every part.

    Exit codes: 0 if everything works, 1 if anything is missing or unreachable,
    2 if a setting is wrong.
    """
    settings = check_all()
    findings = [*check_installation(settings), *asyncio.run(check_parts(settings))]
    if as_json:
        for finding in findings:
            print_json(asdict(finding))
    else:
        _print_findings(findings)
    if any(finding.state.is_trouble for finding in findings):
        raise typer.Exit(1)


def _print_findings(findings: list[Finding]) -> None:
    console = Console()
    for finding in findings:
        state = f"[{_COLOURS[finding.state]}]{finding.state:<11}[/]"
        line = f"  {finding.subject:<15} {state}  {escape(finding.detail)}"
        console.print(line, highlight=False, soft_wrap=True)
    if any(finding.state is State.UNREACHABLE for finding in findings):
        console.print("\n`readback up` starts the unreachable parts.", highlight=False)


def check_installation(settings: UpSettings) -> Iterator[Finding]:
    """Check the configuration, files and programs. These checks need no running part."""
    yield Finding("python", State.OK, f"{sys.version.split()[0]} at {sys.executable}")
    user = f", in use by process {home.lock_holder(settings.home)}" if home.is_locked(settings.home) else ""
    yield Finding("home", State.OK, f"{settings.home}{user}")
    yield _check_secrets(settings.home)
    files = [path.name for path in home.databases(settings.home) if not path.name.endswith(("-wal", "-shm"))]
    detail = ", ".join(files) or "none yet; services create them when they start"
    yield Finding("databases", State.OK if files else State.NOTE, detail)
    yield _check_livekit(settings)
    credentials = credentials_file(settings).read()
    login = f"as {credentials.email}" if credentials else "not logged in; commands use guest accounts"
    yield Finding("login", State.NOTE, login)
    for name, similar in unknown_variables().items():
        hint = f"; did you mean {similar}?" if similar else ""
        yield Finding(name, State.WRONG, f"not a setting of Readback{hint}")


async def check_parts(settings: UpSettings) -> list[Finding]:
    """Check the health of each part; the details list its health and metrics URLs."""
    parts = parts_of(settings, None if settings.livekit_is_external else Path(), Path())
    ready = await asyncio.gather(*(readiness.is_ready(part.health_url) for part in parts))
    return [
        Finding(
            part.name,
            State.OK if is_ready else State.UNREACHABLE,
            f"{part.where:<24} {part.health_url}{'' if part.name == 'livekit' else ' and /metrics'}",
        )
        for part, is_ready in zip(parts, ready, strict=True)
    ]


def _check_secrets(folder: Path) -> Finding:
    secrets = folder / "secrets"
    if not secrets.is_dir():
        if home.databases(folder):
            return Finding("secrets", State.MISSING, "there are databases, but their secrets are gone")
        return Finding("secrets", State.NOTE, "created at the first start")
    loose = [path.name for path in (secrets, *secrets.iterdir()) if path.stat().st_mode & 0o077]
    if loose:
        detail = f"readable by others: {', '.join(loose)}; run chmod -R go= {secrets}"
        return Finding("secrets", State.WRONG, detail)
    return Finding("secrets", State.OK, str(secrets))


def _check_livekit(settings: UpSettings) -> Finding:
    subject = "livekit server"
    if settings.livekit_is_external:
        return Finding(subject, State.OK, f"runs elsewhere: {urlsplit(settings.livekit_url).netloc}")
    try:
        program = server.locate(settings)
    except CommandError as error:
        return Finding(subject, State.WRONG, str(error))
    if program:
        return Finding(subject, State.OK, str(program))
    try:
        go = find_go(server.LIVEKIT)
    except ToolMissing as error:
        return Finding(subject, State.MISSING, str(error))
    return Finding(subject, State.NOTE, f"not built yet; `readback up` builds it once with {go}")
