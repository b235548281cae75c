"""Where the LiveKit server's program is: on PATH, in this home, in the user's cache, or built now."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

from rich.console import Console

from cli.errors import CommandError
from cli.golang.build import build
from cli.golang.program import GoProgram

LIVEKIT = GoProgram(
    name="livekit-server",
    title="LiveKit server",
    package="github.com/livekit/livekit-server/cmd/server",
    version="v1.13.5",
    needs=(1, 26),
    takes="about two minutes",
    instead="put a livekit-server on PATH, or set LIVEKIT_URL",
)


def locate(home: Path) -> Path | None:
    """A server that runs, without building one; None when there is none."""
    on_path = shutil.which("livekit-server")
    if on_path and runs(Path(on_path)):
        return Path(on_path)
    ours = home / "bin" / f"livekit-server-{LIVEKIT.version}"
    if runs(ours):
        return ours
    if runs(LIVEKIT.cached):
        return _placed(LIVEKIT.cached, ours)
    return None


def provide(home: Path, console: Console) -> Path:
    """A server that runs, built when there is none.

    Raises:
        CommandError: it can't be built, or what was built doesn't run.
    """
    found = locate(home)
    if found is None:
        build(LIVEKIT, console)
        found = locate(home)
    if found is None:
        raise CommandError(
            f"The LiveKit server was built, but {LIVEKIT.cached} doesn't run here; put a livekit-server on PATH."
        )
    return found


def runs(program: Path) -> bool:
    """Whether the program starts at all: a build for another machine, or half a copy, doesn't."""
    if not program.is_file():
        return False
    try:
        probe = subprocess.run([program, "--version"], capture_output=True, timeout=30, check=False)  # noqa: S603  # ours
    except (OSError, subprocess.TimeoutExpired):
        return False
    return probe.returncode == 0


def _placed(cached: Path, ours: Path) -> Path:
    """Links or copies the cached program into the home; appears whole or not at all."""
    ours.parent.mkdir(parents=True, exist_ok=True)
    scratch = ours.with_name(f".{ours.name}-{os.getpid()}")
    try:
        os.link(cached, scratch)
    except OSError:
        shutil.copy2(cached, scratch)
    scratch.replace(ours)
    return ours
