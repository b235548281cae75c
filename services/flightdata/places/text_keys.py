"""How names are compared: folded to plain letters, cut into words, and put into phonemes."""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass
from functools import lru_cache

import jellyfish

_LETTERS = str.maketrans(
    {
        "ı": "i",
        "ø": "o",
        "Ø": "O",
        "ł": "l",
        "Ł": "L",
        "đ": "d",
        "Đ": "D",
        "ß": "ss",
        "æ": "ae",
        "œ": "oe",
        "þ": "th",
        "ð": "d",
    }
    | {"’": "'", "–": "-", "Ð": "D", "ə": "a", "Ə": "A", "ħ": "h", "Ħ": "H"}
)
_WORD = re.compile(r"[^\W_]+(?:['’][^\W_]+)*")
_BREAK = re.compile(r"[.,;:?!…()\n]")


def fold(name: str) -> str:
    """`Zürich` → `zurich`, `Xi’an` → `xi'an`; letters of other scripts are left out."""
    flat = (
        name
        if name.isascii()
        else "".join(c for c in unicodedata.normalize("NFKD", name.translate(_LETTERS)) if c.isascii())
    )
    return re.sub(r"\s+", " ", flat).strip().casefold()


def key(name: str) -> str:
    """A name as it is looked up: folded, letters and digits only (`New York` → `newyork`, so that spaces may be misheard)."""
    folded = fold(name)
    return folded if folded.isalnum() else "".join(c for c in folded if c.isalnum())


@lru_cache(maxsize=65536)
def phonemes(joined: str) -> str:
    """Metaphone code of a key; the key itself when it has none."""
    return jellyfish.metaphone(joined) or joined


@dataclass(frozen=True, slots=True)
class Word:
    """One word of a text: `text[start:end]` as written, its folded form, and whether punctuation stands before it."""

    start: int
    end: int
    written: str
    folded: str
    after_break: bool


def words(text: str) -> list[Word]:
    """The words of a text with their places in it, counted in code points; words in other scripts are left out."""
    found: list[Word] = []
    last = 0
    for match in _WORD.finditer(text):
        folded = key(match[0])
        if folded:
            found.append(
                Word(
                    match.start(),
                    match.end(),
                    match[0],
                    folded,
                    bool(_BREAK.search(text, last, match.start())),
                )
            )
        last = match.end()
    return found
