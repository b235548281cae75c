"""Text normalisation for the lookup of names: plain letters, words and phonemes."""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass
from functools import lru_cache

import jellyfish

_LETTERS = str.maketrans(dict(zip("ıøØłŁđĐÐðəƏħĦ’–", "ioOlLdDDdaAhH'-", strict=True))) | str.maketrans(
    {"ß": "ss", "æ": "ae", "œ": "oe", "þ": "th"}
)
_WORD = re.compile(r"[^\W_]+(?:['’][^\W_]+)*")
_BREAK = re.compile(r"[.,;:?!…()\n]")


def fold(name: str) -> str:
    """Return a name in lower-case ASCII (`Zürich` → `zurich`, `Xi’an` → `xi'an`), without other scripts."""
    if not name.isascii():
        name = "".join(c for c in unicodedata.normalize("NFKD", name.translate(_LETTERS)) if c.isascii())
    return re.sub(r"\s+", " ", name).strip().casefold()


def key(name: str) -> str:
    """Return the lookup key of a name: only the letters and digits of `fold` (`New York` → `newyork`)."""
    folded = fold(name)
    return folded if folded.isalnum() else "".join(c for c in folded if c.isalnum())


@lru_cache(maxsize=65536)
def phonemes(joined: str) -> str:
    """Return the Metaphone code of a key, or the key itself if it has none."""
    return jellyfish.metaphone(joined) or joined


@dataclass(frozen=True, slots=True)
class Word:
    """One word of a text, at `text[start:end]`. `after_break` is True if punctuation precedes the word."""

    start: int
    end: int
    written: str
    folded: str
    after_break: bool


def words(text: str) -> list[Word]:
    """Return the words of a text with their positions in code points. Skip words in other scripts."""
    found: list[Word] = []
    last = 0
    for match in _WORD.finditer(text):
        if folded := key(match[0]):
            after_break = bool(_BREAK.search(text, last, match.start()))
            found.append(Word(match.start(), match.end(), match[0], folded, after_break))
        last = match.end()
    return found
