"""Benches and test servers start processes only in ways that end them with the bench or the test run."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

from mesh.settings import CHECKOUT

pytestmark = pytest.mark.unit

STARTS = {
    "subprocess.Popen",
    "subprocess.run",
    "asyncio.create_subprocess_exec",
    "asyncio.create_subprocess_shell",
    "os.fork",
    "os.system",
}
ALLOWED = {
    ("tests/chaos/fork_server.py", "os.fork"),  # its children stay in its process group
    ("tests/postgres_server.py", "subprocess.run"),  # takes a moment
    ("tests/product.py", "subprocess.run"),  # takes a moment
}


def programs() -> Iterator[Path]:
    """Yield the modules of benches, test servers and runners."""
    for folder in ("bench", "tests/chaos"):
        yield from (CHECKOUT / folder).rglob("*.py")
    yield from (CHECKOUT / "tests").glob("*.py")


def starts(path: Path) -> Iterator[str]:
    """Yield the functions of the standard library that a module starts processes with."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    types = {id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Subscript)}
    for node in ast.walk(tree):
        if isinstance(node, ast.Attribute) and id(node) not in types and ast.unparse(node) in STARTS:
            yield ast.unparse(node)


def test_benches_and_test_servers_start_processes_that_end_with_them() -> None:
    found = {(str(path.relative_to(CHECKOUT)), name) for path in programs() for name in starts(path)}
    assert found == ALLOWED
