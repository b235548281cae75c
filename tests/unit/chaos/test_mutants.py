"""Planted bugs still fit the code they are planted into, and name tests that exist."""

from __future__ import annotations

from pathlib import Path
from queue import SimpleQueue

import pytest

from mesh.settings import CHECKOUT
from tests.chaos.mutants.__main__ import _is_caught
from tests.chaos.mutants.mutant import DoesNotApply, Mutant, Replacement, every_mutant, parse

pytestmark = pytest.mark.unit

TEXT = """\
# a bug
# caught by: tests/one.py tests/two.py
# in: some/file.py
---
    old = 1

    old = 2
+++
    new = 1
"""


@pytest.mark.parametrize("mutant", every_mutant(), ids=lambda mutant: mutant.name)
def test_every_planted_bug_fits_the_code(mutant: Mutant) -> None:
    for replacement in mutant.replacements:
        replacement.check(CHECKOUT)


@pytest.mark.parametrize("mutant", every_mutant(), ids=lambda mutant: mutant.name)
def test_every_planted_bug_names_tests_that_exist(mutant: Mutant) -> None:
    named = [test for test in mutant.tests if test.startswith("tests/")]
    assert named
    assert all((CHECKOUT / test).exists() for test in named)


def test_there_are_at_least_a_dozen() -> None:
    assert len(every_mutant()) >= 12


def test_a_description_is_read_as_it_is_written() -> None:
    expected = Mutant(
        "bug",
        "a bug",
        ["tests/one.py", "tests/two.py"],
        [Replacement("some/file.py", "    old = 1\n\n    old = 2\n", "    new = 1\n")],
    )
    assert parse("bug", TEXT) == expected


@pytest.mark.parametrize(
    "line", ["# a bug\n", "# caught by: tests/one.py tests/two.py\n", "# in: some/file.py\n"]
)
def test_a_description_that_lacks_something_is_refused(line: str) -> None:
    with pytest.raises(ValueError, match="needs a title, tests and a replacement"):
        parse("bug", TEXT.replace(line, ""))


@pytest.mark.parametrize("held", ["", "line\nline\n"])
def test_what_is_not_there_exactly_once_is_not_replaced(tmp_path: Path, held: str) -> None:
    (tmp_path / "file.py").write_text(held)
    with pytest.raises(DoesNotApply):
        Replacement("file.py", "line\n", "other\n").apply(tmp_path)
    assert (tmp_path / "file.py").read_text() == held


def test_what_is_there_once_is_replaced(tmp_path: Path) -> None:
    (tmp_path / "file.py").write_text("before\nline\nafter\n")
    Replacement("file.py", "line\n", "").apply(tmp_path)
    assert (tmp_path / "file.py").read_text() == "before\nafter\n"


def test_tree_of_a_bug_that_no_longer_applies_is_there_for_the_next(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "file.py").write_text("another line\n")
    free: SimpleQueue[Path] = SimpleQueue()
    free.put(tmp_path)
    mutant = Mutant("bug", "a bug", ["tests/one.py"], [Replacement("file.py", "line\nthat is gone\n", "")])
    assert not _is_caught(free, mutant)
    assert free.get_nowait() == tmp_path
    assert "does not apply  bug" in capsys.readouterr().out
