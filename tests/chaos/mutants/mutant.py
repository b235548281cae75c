"""One planted bug, parsed from its `.patch` file."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

FOLDER = Path(__file__).parent
_END = "# "
"""Line that ends the last replacement."""


class DoesNotApply(Exception):
    """The text to replace doesn't occur exactly once."""


@dataclass(frozen=True, slots=True)
class Replacement:
    """Lines of a file, and the lines that replace them."""

    file: str
    old: str
    new: str

    def check(self, tree: Path) -> str:
        """Return the text of the file.

        Raises:
            DoesNotApply: the old lines don't occur exactly once.
        """
        text = (tree / self.file).read_text()
        if text.count(self.old) != 1:
            raise DoesNotApply(f"{self.file} contains these lines {text.count(self.old)} times:\n{self.old}")
        return text

    def apply(self, tree: Path) -> None:
        """Plant the bug."""
        (tree / self.file).write_text(self.check(tree).replace(self.old, self.new))


@dataclass(frozen=True, slots=True)
class Mutant:
    """Planted bug."""

    name: str
    title: str
    tests: Sequence[str]
    """Arguments for pytest: the tests that must fail."""
    replacements: Sequence[Replacement]


def parse(name: str, text: str) -> Mutant:
    """Parse a patch file.

    Format: `# title`, `# caught by: …`, then for each replacement `# in: file`, `---`, lines, `+++`, lines.
    """
    title, file = "", ""
    tests: list[str] = []
    replacements: list[Replacement] = []
    old: list[str] = []
    new: list[str] = []
    lines: list[str] | None = None
    for line in [*text.splitlines(), _END]:
        if line.startswith("# "):
            if lines is new and file:
                replacements.append(Replacement(file, _joined(old), _joined(new)))
                file, old, new = "", [], []
            lines = None
            key, _, value = line.removeprefix("# ").partition(": ")
            match key:
                case "caught by":
                    tests += value.split()
                case "in":
                    file = value
                case _ if not title and line != _END:
                    title = line.removeprefix("# ")
        elif line == "---":
            lines = old
        elif line == "+++":
            lines = new
        elif lines is not None:
            lines.append(line)
    if not (title and tests and replacements):
        raise ValueError(f"{name} needs a title, tests and a replacement")
    return Mutant(name, title, tests, replacements)


def _joined(lines: Sequence[str]) -> str:
    return "".join(f"{line}\n" for line in lines)


def every_mutant() -> list[Mutant]:
    """Return all mutants, sorted by name."""
    return [parse(path.stem, path.read_text()) for path in sorted(FOLDER.glob("*.patch"))]
