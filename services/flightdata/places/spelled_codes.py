"""Codes said letter by letter: "M A A", "mike alpha alpha", and what a recogniser writes for letters, "em ay ay"."""

from __future__ import annotations

from collections.abc import Sequence

from services.flightdata.places.text_keys import Word

LETTERS = 3
_WORDS = (
    "alpha bravo charlie delta echo foxtrot golf hotel india juliet kilo lima mike november oscar papa quebec romeo sierra tango",
    "uniform victor whiskey xray yankee zulu alfa juliett whisky",
)
ALPHABET = {word: word[0].upper() for line in _WORDS for word in line.split()}
"""ICAO spelling alphabet, with the spellings that recognisers prefer."""
NAMES = {
    "ay": "A",
    "bee": "B",
    "cee": "C",
    "dee": "D",
    "ee": "E",
    "eff": "F",
    "gee": "G",
    "jee": "G",
    "aitch": "H",
    "haitch": "H",
    "jay": "J",
    "kay": "K",
    "el": "L",
    "ell": "L",
    "em": "M",
    "en": "N",
    "pee": "P",
    "queue": "Q",
    "ess": "S",
    "tee": "T",
    "vee": "V",
    "ex": "X",
    "zee": "Z",
    "zed": "Z",
}
"""Names of letters that are hardly ever anything else."""
WORDS_TOO = {
    "eh": "A",
    "be": "B",
    "see": "C",
    "sea": "C",
    "eye": "I",
    "oh": "O",
    "cue": "Q",
    "are": "R",
    "ar": "R",
    "you": "U",
    "why": "Y",
}
"""Names of letters that are everyday words too."""
LEAST_NAMES = 2
"""How many of a code's letters must be named by nothing else: "see you there" spells nothing."""


def _letter(word: Word) -> str | None:
    return word.folded.upper() if len(word.folded) == 1 and word.folded.isalpha() else None


def _named(word: Word) -> str | None:
    return NAMES.get(word.folded) or WORDS_TOO.get(word.folded) or _letter(word)


def spelled_code(words: Sequence[Word]) -> str | None:
    """The code three words spell, all as letters, by their names, or by the alphabet; None for anything else."""
    if len(words) != LETTERS:
        return None
    letters = [_letter(word) for word in words]
    if not all(letters):
        letters = [ALPHABET.get(word.folded) for word in words]
    if not all(letters) and sum(word.folded in NAMES for word in words) >= LEAST_NAMES:
        letters = [_named(word) for word in words]
    spelled = [letter for letter in letters if letter]
    return "".join(spelled) if len(spelled) == LETTERS else None
