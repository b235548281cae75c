"""What `readback doctor` looks at: settings, programs, secrets, and whether each part answers."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from urllib.parse import urlsplit

from cli.account.credentials_file import CredentialFile
from cli.errors import ToolMissing
from cli.golang import compiler
from cli.livekit import server
from cli.settings import UpSettings, unknown_variables
from cli.supervisor import home, readiness
from cli.supervisor.parts import Part, parts_of


class State(StrEnum):
    """How something is."""

    OK = "ok"
    NOTE = "note"
    """Nothing wrong, worth knowing."""
    MISSING = "missing"
    UNREACHABLE = "unreachable"
    WRONG = "wrong"

    @property
    def is_trouble(self) -> bool:
        """Whether the product won't work like this."""
        return self not in (State.OK, State.NOTE)


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that was looked at."""

    subject: str
    state: State
    detail: str


def installation(settings: UpSettings) -> Iterator[Finding]:
    """What is configured and what is missing, without asking any process."""
    yield Finding("python", State.OK, f"{sys.version.split()[0]} at {sys.executable}")
    running = home.is_held(settings.home)
    yield Finding(
        "home",
        State.OK,
        f"{settings.home}{f', in use by process {home.holder(settings.home)}' if running else ''}",
    )
    yield _secrets(settings.home)
    databases = [
        path.name for path in home.databases(settings.home) if not path.name.endswith(("-wal", "-shm"))
    ]
    yield Finding(
        "databases",
        State.OK if databases else State.NOTE,
        ", ".join(databases) or "none yet; services make them when they start",
    )
    yield _livekit(settings)
    logged_in = CredentialFile(settings.home).read()
    yield Finding(
        "login",
        State.NOTE,
        f"as {logged_in.email}" if logged_in else "nobody; commands use throw-away accounts",
    )
    for name, meant in unknown_variables().items():
        yield Finding(
            name,
            State.WRONG,
            f"no setting of Readback; did you mean {meant}?" if meant else "no setting of Readback",
        )


async def parts(settings: UpSettings) -> list[Finding]:
    """Whether each part answers, with the addresses of its health and metrics."""
    found = parts_of(settings, None if settings.livekit_is_external else Path(), Path())
    answers = await asyncio.gather(*(readiness.answers(part.health_url) for part in found))
    return [_answer(part, ready=ready) for part, ready in zip(found, answers, strict=True)]


def _answer(part: Part, *, ready: bool) -> Finding:
    metrics = "" if part.name == "livekit" else " and /metrics"
    return Finding(
        part.name, State.OK if ready else State.UNREACHABLE, f"{part.where:<24} {part.health_url}{metrics}"
    )


def _secrets(folder: Path) -> Finding:
    secrets = folder / "secrets"
    if not secrets.is_dir():
        lost = bool(home.databases(folder))
        return Finding(
            "secrets",
            State.MISSING if lost else State.NOTE,
            "gone, though databases are there" if lost else "made at the first start",
        )
    loose = [path.name for path in (secrets, *secrets.iterdir()) if path.stat().st_mode & 0o077]
    if loose:
        return Finding(
            "secrets", State.WRONG, f"readable by others: {', '.join(loose)}; run chmod -R go= {secrets}"
        )
    return Finding("secrets", State.OK, str(secrets))


def _livekit(settings: UpSettings) -> Finding:
    if settings.livekit_is_external:
        return Finding("livekit server", State.OK, f"run elsewhere: {urlsplit(settings.livekit_url).netloc}")
    program = server.locate(settings.home)
    if program:
        return Finding("livekit server", State.OK, str(program))
    try:
        return Finding(
            "livekit server",
            State.NOTE,
            f"not built yet; `readback up` builds it once with {compiler.find(server.LIVEKIT)}",
        )
    except ToolMissing as error:
        return Finding("livekit server", State.MISSING, str(error))
