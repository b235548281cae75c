"""What is known of a program before it is built."""

from __future__ import annotations

import os
import platform
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class GoProgram:
    """A command of a Go module, at one version."""

    name: str
    """Of the file it becomes."""
    title: str
    """What people call it."""
    package: str
    """Import path of its main package; its last part is what Go calls the binary."""
    version: str
    needs: tuple[int, int]
    """The `go` line of its go.mod."""
    takes: str
    """How long a build is on two cores."""
    instead: str
    """What to do where it can't be built."""

    @property
    def cached(self) -> Path:
        """Where the built program is kept for every checkout and home of this user."""
        return cache_folder() / f"{self.name}-{self.version}-{platform.system()}-{platform.machine()}".lower()


def cache_folder() -> Path:
    """Where this user keeps what Readback can make again."""
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "readback"
