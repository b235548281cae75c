"""Codes said letter by letter: "M A A", "mike alpha alpha"."""

from __future__ import annotations

from collections.abc import Sequence

from services.flightdata.places.spelling import Word

LETTERS = 3
_WORDS = (
    "alpha bravo charlie delta echo foxtrot golf hotel india juliet kilo lima mike november oscar papa quebec romeo sierra tango",
    "uniform victor whiskey xray yankee zulu alfa juliett whisky",
)
ALPHABET = {word: word[0].upper() for line in _WORDS for word in line.split()}
"""ICAO spelling alphabet, with the spellings that recognisers prefer."""


def _letter(word: Word) -> str | None:
    return word.folded.upper() if len(word.folded) == 1 and word.folded.isalpha() else None


def spelled_code(words: Sequence[Word]) -> str | None:
    """The code three words spell, all as letters or all by the alphabet; None for anything else."""
    if len(words) != LETTERS:
        return None
    letters = [_letter(word) for word in words]
    if not all(letters):
        letters = [ALPHABET.get(word.folded) for word in words]
    spelled = [letter for letter in letters if letter]
    return "".join(spelled) if len(spelled) == LETTERS else None
