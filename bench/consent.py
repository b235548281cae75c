"""Share of plain yeses that are accepted at the first question, and of other replies taken for a yes.

    python -m bench.consent FILE [--failures]

A line of the file is a JSON object with `question`, `reply` and `gold`: "affirm" for a plain yes, any other
word for a reply that isn't one. Exits with 1 if a reply that isn't one was taken for a yes.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

from consent.grammar import Kind
from consent.reading import classify


class Judged(NamedTuple):
    """A reply, whether it is a plain yes, and how it was read."""

    reply: str
    is_yes: bool
    kind: Kind


def judged(lines: Sequence[str], locale: str = "en") -> Iterator[Judged]:
    """Yield the reading of each line."""
    for row in map(json.loads, lines):
        kind = classify(row["reply"], locale, row["question"]).kind
        yield Judged(row["reply"], row["gold"] == "affirm", kind)


def main() -> int:
    """Print the shares. Return the exit code."""
    parser = argparse.ArgumentParser(description=__doc__, allow_abbrev=False)
    parser.add_argument("file", type=Path)
    parser.add_argument("--failures", action="store_true", help="print every reply that was read wrongly")
    options = parser.parse_args()
    found = list(judged(options.file.read_text("utf-8").splitlines()))
    counts = Counter((row.is_yes, row.kind is Kind.AFFIRM) for row in found)
    yes, others = counts[True, True] + counts[True, False], counts[False, True] + counts[False, False]
    print(f"plain yeses accepted: {counts[True, True]} of {yes} ({counts[True, True] / max(yes, 1):.1%})")
    print(f"others taken for a yes: {counts[False, True]} of {others}")
    for row in found if options.failures else ():
        if row.is_yes != (row.kind is Kind.AFFIRM):
            print(f"{row.kind}: {row.reply}")
    return 1 if counts[False, True] else 0


if __name__ == "__main__":
    sys.exit(main())
