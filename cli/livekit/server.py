"""The LiveKit server: its version, and its program, which is built once or named by a setting."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from pathlib import Path

from rich.console import Console

from cli.errors import CommandError
from cli.golang.build import build
from cli.golang.program import GoProgram
from cli.settings import UpSettings

LIVEKIT = GoProgram(
    name="livekit-server",
    title="LiveKit server",
    package="github.com/livekit/livekit-server/cmd/server",
    version="v1.13.5",
    needs=(1, 26),
    takes="about two minutes",
    instead="set READBACK_LIVEKIT_SERVER to one, or set LIVEKIT_URL",
)
MINOR_VERSION = LIVEKIT.version.removeprefix("v").rpartition(".")[0]
"""Version that a program given by READBACK_LIVEKIT_SERVER must have; its patch number may differ."""


def provide(settings: UpSettings, console: Console) -> Path:
    """Return the path of a LiveKit server that runs here; build the server if there is none.

    Raises:
        CommandError: the server can't be built, or the built or given program can't be used.
    """
    found = locate(settings)
    if found is None:
        build(LIVEKIT, console)
        found = locate(settings)
    if found is None:
        raise CommandError(
            f"{LIVEKIT.cached} was built but doesn't run here; set READBACK_LIVEKIT_SERVER to one that does."
        )
    return found


def locate(settings: UpSettings) -> Path | None:
    """Return the path of a LiveKit server that runs here; None if it must be built first. Doesn't build one.

    A `livekit-server` on PATH is never used, because its origin and version are unknown.

    Raises:
        CommandError: the program in READBACK_LIVEKIT_SERVER isn't a LiveKit server of a suitable version.
    """
    if settings.livekit_server is not None:
        return _given(settings.livekit_server)
    in_home = settings.home / "bin" / f"livekit-server-{LIVEKIT.version}"
    if not is_pinned(in_home):
        if not is_pinned(LIVEKIT.cached):
            return None
        _install(LIVEKIT.cached, in_home)
    return in_home


def is_pinned(program: Path) -> bool:
    """Return whether the program starts and has our version. An incomplete copy doesn't."""
    return f"v{version_of(program)}" == LIVEKIT.version


def version_of(program: Path) -> str:
    """Return the version that a LiveKit server reports; empty if the program doesn't start or isn't one."""
    if not program.is_file():
        return ""
    try:
        probe = subprocess.run(  # noqa: S603  # our build, or one that the operator chose
            [program, "--version"], capture_output=True, text=True, timeout=30, check=False
        )
    except (OSError, ValueError, subprocess.TimeoutExpired):
        return ""
    found = re.match(r"livekit-server version (\d+\.\d+\.\d+)\b", probe.stdout)
    return found[1] if found and probe.returncode == 0 else ""


def _given(program: Path) -> Path:
    version = version_of(program)
    if version.rpartition(".")[0] != MINOR_VERSION:
        reported = f"version {version}" if version else "not a LiveKit server that runs here"
        raise CommandError(
            f"{program} is {reported}; set READBACK_LIVEKIT_SERVER to version {MINOR_VERSION}, or unset it."
        )
    return program


def _install(cached: Path, target: Path) -> None:
    """Link or copy the cached program into the home, atomically."""
    target.parent.mkdir(parents=True, exist_ok=True)
    scratch = target.with_name(f".{target.name}-{os.getpid()}")
    try:
        try:
            os.link(cached, scratch)
        except OSError:
            shutil.copy2(cached, scratch)
        scratch.replace(target)
    finally:
        scratch.unlink(missing_ok=True)
