"""The LiveKit server: its version, and its program, which is found on PATH or in the home, or built."""

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


def provide(home: Path, console: Console) -> Path:
    """Return the path of a LiveKit server that runs here; build the server if none is found.

    Raises:
        CommandError: the server can't be built, or the built program doesn't run here.
    """
    found = locate(home)
    if found is None:
        build(LIVEKIT, console)
        found = locate(home)
    if found is None:
        raise CommandError(f"{LIVEKIT.cached} was built but doesn't run here; put a livekit-server on PATH.")
    return found


def locate(home: Path) -> Path | None:
    """Return the path of a LiveKit server that runs here; None if there is none. Doesn't build one."""
    on_path = shutil.which("livekit-server")
    if on_path and runs(Path(on_path)):
        return Path(on_path)
    in_home = home / "bin" / f"livekit-server-{LIVEKIT.version}"
    if not runs(in_home):
        if not runs(LIVEKIT.cached):
            return None
        _install(LIVEKIT.cached, in_home)
    return in_home


def runs(program: Path) -> bool:
    """Return whether the program starts. A build for another machine or an incomplete copy doesn't."""
    if not program.is_file():
        return False
    try:
        probe = subprocess.run([program, "--version"], capture_output=True, timeout=30, check=False)  # noqa: S603  # ours
    except (OSError, subprocess.TimeoutExpired):
        return False
    return probe.returncode == 0


def _install(cached: Path, target: Path) -> None:
    """Link or copy the cached program into the home, atomically."""
    target.parent.mkdir(parents=True, exist_ok=True)
    scratch = target.with_name(f".{target.name}-{os.getpid()}")
    try:
        os.link(cached, scratch)
    except OSError:
        shutil.copy2(cached, scratch)
    scratch.replace(target)
