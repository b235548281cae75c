"""`python -m tests.chaos.mutants [NAME…]` proves that the tests catch each planted bug, and that they pass without any.

Each bug is planted into a copy of the tree, two at a time. Ends with 1 when a bug survived or a test failed without one.
"""

from __future__ import annotations

import json
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

from mesh.settings import CHECKOUT
from tests.chaos.mutants.mutant import DoesNotApply, Mutant, every_mutant

AT_ONCE = 2
TREE = ("agent", "cli", "gen", "mesh", "services", "tests", "protos", "pyproject.toml")
SECONDS = 600
"""How long the tests of one bug may take."""
CAUGHT = 1
"""How pytest ends when tests failed; anything else (nothing collected, a broken import) proves nothing."""


def main(names: Sequence[str]) -> int:
    """Runs the mutants named, or all."""
    mutants = [mutant for mutant in every_mutant() if not names or mutant.name in names]
    began = time.monotonic()
    with trees(AT_ONCE) as free, ThreadPoolExecutor(AT_ONCE) as pool:
        files = sorted({test for mutant in mutants for test in mutant.tests if test.startswith("tests/")})
        unpatched = pool.submit(_in_a_tree, free, None, files)
        results = list(pool.map(lambda mutant: _judged(free, mutant), mutants))
        code, output = unpatched.result()
    if code:
        print(f"without any bug planted, tests fail:\n{output[-3000:]}")
    survived = [mutant.name for mutant, caught in zip(mutants, results, strict=True) if not caught]
    print(
        f"{len(mutants) - len(survived)} of {len(mutants)} planted bugs caught in {time.monotonic() - began:.0f} s"
    )
    _write_report(len(mutants), len(survived), time.monotonic() - began)
    return 1 if survived or code else 0


def _write_report(planted: int, survived: int, seconds: float) -> None:
    where = os.environ.get("READBACK_CHAOS_REPORT")
    if where:
        counts = {"planted": planted, "caught": planted - survived}
        with Path(where).open("a") as file:
            file.write(
                json.dumps(
                    {
                        "scenario": "planted bugs",
                        "seed": 0,
                        "seconds": round(seconds, 1),
                        "counts": counts,
                        "measures": {},
                    }
                )
                + "\n"
            )


def _judged(free: SimpleQueue[Path], mutant: Mutant) -> bool:
    began = time.monotonic()
    try:
        code, output = _in_a_tree(free, mutant, mutant.tests)
    except DoesNotApply as error:
        print(f"  does not apply  {mutant.name}: {error}", flush=True)
        return False
    print(
        f"  {'caught  ' if code == CAUGHT else 'SURVIVED'}  {mutant.name}: {mutant.title} ({time.monotonic() - began:.0f} s)",
        flush=True,
    )
    if code not in (0, CAUGHT):
        print(output[-2000:], flush=True)
    return code == CAUGHT


def _in_a_tree(free: SimpleQueue[Path], mutant: Mutant | None, tests: Iterable[str]) -> tuple[int, str]:
    """Runs tests in a copy of the tree, with a bug planted; how pytest ended and what it said."""
    tree = free.get()
    before: dict[str, str] = {}
    try:
        # Within the `try`: the tree of a bug that no longer applies is wanted by the next.
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
    # Bytecode of a file that is replaced within a second would be taken for fresh.
    environment = inherited | {"PYTHONPATH": f"{tree}:{tree / 'gen'}", "PYTHONDONTWRITEBYTECODE": "1"}
    command = [sys.executable, "-m", "pytest", "-x", "-q", "-p", "no:cacheprovider", *tests]
    try:
        ended = subprocess.run(
            command, cwd=tree, env=environment, capture_output=True, text=True, timeout=SECONDS, check=False
        )
    except subprocess.TimeoutExpired:
        return -1, "it took too long"
    return ended.returncode, ended.stdout + ended.stderr


@contextmanager
def trees(count: int) -> Iterator[SimpleQueue[Path]]:
    """Copies of the tree."""
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
    sys.exit(main(sys.argv[1:]))
