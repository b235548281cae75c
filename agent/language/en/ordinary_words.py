"""Ordinary English words, and how frequent they are. The words of the list are no names of known places.

`tools/build_words.py` makes the list.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from importlib import resources

from agent.language.en import data

ORDINARY = 3.4
"""Zipf frequency from which a word is ordinary: heard once in 400,000 words, as "gator" isn't."""


@cache
def _frequencies() -> Mapping[str, float]:
    lines = resources.files(data).joinpath("ordinary_words.tsv").read_text(encoding="utf-8").splitlines()
    return {word: float(zipf) for word, _, zipf in (line.partition("\t") for line in lines[1:])}


def frequency(word: str) -> float:
    """Return the Zipf frequency of a lower-case word, 3 to 8, or 0 for a rarer word or a name."""
    return _frequencies().get(word, 0.0)


def is_ordinary(word: str) -> bool:
    """Return whether a lower-case word is an ordinary English word."""
    return frequency(word) >= ORDINARY
