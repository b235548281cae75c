"""`python -m tests.chaos.mutants [NAME…]` proves that the tests catch each planted bug.

Each bug is planted into a copy of the tree, two in parallel. Exits with 1 if a bug survives, or if a test
fails without a bug.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from queue import SimpleQueue

from cli.supervisor import child_processes
from mesh.settings import CHECKOUT
from tests.chaos.mutants.mutant import DoesNotApply, Mutant, every_mutant
from tests.chaos.run import Report, end_with_the_first_signal

CONCURRENCY = 2
TREE = ("agent", "cli", "gen", "mesh", "services", "tests", "protos", "pyproject.toml")
SECONDS = 600
"""Timeout for the tests of one bug."""
CAUGHT = 1
"""Exit code of pytest for failed tests. Any other code, such as for a broken import, proves nothing."""


def main(names: Sequence[str]) -> int:
    """Run the named mutants, or all."""
    mutants = [mutant for mutant in every_mutant() if not names or mutant.name in names]
    report = Report("planted bugs")
    with trees(CONCURRENCY) as free, ThreadPoolExecutor(CONCURRENCY) as pool:
        files = sorted({test for mutant in mutants for test in mutant.tests if test.startswith("tests/")})
        unpatched = pool.submit(_test_in_tree, free, None, files)
        results = list(pool.map(lambda mutant: _is_caught(free, mutant), mutants))
        code, output = unpatched.result()
    if code:
        print(f"without any bug planted, tests fail:\n{output[-3000:]}")
    report.counts.update(planted=len(mutants), caught=sum(results))
    report.broken = not all(results) or code != 0
    report.write()
    print(f"{sum(results)} of {len(mutants)} planted bugs caught")
    return 1 if report.broken else 0


def _is_caught(free: SimpleQueue[Path], mutant: Mutant) -> bool:
    began = time.monotonic()
    try:
        code, output = _test_in_tree(free, mutant, mutant.tests)
    except DoesNotApply as error:
        print(f"  does not apply  {mutant.name}: {error}", flush=True)
        return False
    verdict, seconds = "caught  " if code == CAUGHT else "SURVIVED", time.monotonic() - began
    print(f"  {verdict}  {mutant.name}: {mutant.title} ({seconds:.0f} s)", flush=True)
    if code not in (0, CAUGHT):
        print(output[-2000:], flush=True)
    return code == CAUGHT


def _test_in_tree(free: SimpleQueue[Path], mutant: Mutant | None, tests: Iterable[str]) -> tuple[int, str]:
    """Run tests in a copy of the tree with a planted bug; return pytest's exit code and output."""
    tree = free.get()
    before: dict[str, str] = {}
    try:
        # Inside the `try`, so that the tree is returned even if the bug doesn't apply.
        before = {change.file: change.check(tree) for change in mutant.replacements} if mutant else {}
        for change in mutant.replacements if mutant else ():
            change.apply(tree)
        return _pytest(tree, tests)
    finally:
        for file, text in before.items():
            (tree / file).write_text(text)
        free.put(tree)


def _pytest(tree: Path, tests: Iterable[str]) -> tuple[int, str]:
    inherited = {
        name: value
        for name, value in os.environ.items()
        if name not in ("READBACK_CHAOS", "READBACK_CHAOS_REPORT")
    }
    # Python would take the bytecode of a file that is replaced within the same second for fresh.
    environment = inherited | {"PYTHONPATH": f"{tree}:{tree / 'gen'}", "PYTHONDONTWRITEBYTECODE": "1"}
    command = [sys.executable, "-m", "pytest", "-x", "-q", "-p", "no:cacheprovider", *tests]
    try:
        ended = child_processes.run(command, cwd=tree, env=environment, timeout=SECONDS)
    except subprocess.TimeoutExpired:
        return -1, "timeout"
    return ended.returncode, ended.stdout + ended.stderr


@contextmanager
def trees(count: int) -> Iterator[SimpleQueue[Path]]:
    """Make copies of the tree."""
    free: SimpleQueue[Path] = SimpleQueue()
    with tempfile.TemporaryDirectory(prefix="readback-mutants-") as folder:
        for number in range(count):
            tree = Path(folder) / str(number)
            tree.mkdir()
            for name in TREE:
                _copy(CHECKOUT / name, tree / name)
            free.put(tree)
        yield free


def _copy(source: Path, target: Path) -> None:
    if source.is_dir():
        shutil.copytree(source, target, ignore=shutil.ignore_patterns("__pycache__", "*.wav"))
    else:
        shutil.copy2(source, target)


if __name__ == "__main__":
    end_with_the_first_signal()
    sys.exit(main(sys.argv[1:]))
