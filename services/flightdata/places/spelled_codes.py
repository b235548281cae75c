"""Airport codes that are spelled by letters: "M A A", "mike alpha alpha", or "em ay ay" in transcripts."""

from __future__ import annotations

from collections.abc import Sequence

from services.flightdata.places.text_keys import Word

LETTERS = 3
_WORDS = (
    "alpha bravo charlie delta echo foxtrot golf hotel india juliet kilo lima mike november oscar papa",
    "quebec romeo sierra tango uniform victor whiskey xray yankee zulu alfa juliett whisky",
)
ALPHABET = {word: word[0].upper() for line in _WORDS for word in line.split()}
"""The ICAO spelling alphabet, in the spellings that recognisers write."""


def _names(pairs: str) -> dict[str, str]:
    return {name: letter for name, _, letter in (pair.partition("=") for pair in pairs.split())}


NAMES = _names(
    "ay=A bee=B cee=C dee=D ee=E eff=F gee=G jee=G aitch=H haitch=H jay=J kay=K el=L ell=L em=M en=N "
    "pee=P queue=Q ess=S tee=T vee=V ex=X zee=Z zed=Z"
)
"""Names of letters that rarely have another meaning."""
AMBIGUOUS_NAMES = _names("eh=A be=B see=C sea=C eye=I oh=O cue=Q are=R ar=R you=U why=Y")
"""Names of letters that are also everyday words."""
LEAST_NAMES = 2
"""Minimum number of unambiguous letter names in a code. So "see you are" isn't a code."""


def _letter(word: Word) -> str | None:
    return word.folded.upper() if len(word.folded) == 1 and word.folded.isalpha() else None


def _named(word: Word) -> str | None:
    return NAMES.get(word.folded) or AMBIGUOUS_NAMES.get(word.folded) or _letter(word)


def spelled_pair(words: Sequence[Word]) -> str | None:
    """Return the code of two letters of which recognisers have merged the last two: "M. A" for MAA."""
    letters = [_letter(word) for word in words]
    if len(letters) != LETTERS - 1 or not all(letters):
        return None
    return "".join(letter for letter in (*letters, letters[-1]) if letter)


def spelled_code(words: Sequence[Word]) -> str | None:
    """Return the code that three words spell by letters, letter names or the ICAO alphabet, else None."""
    if len(words) != LETTERS:
        return None
    letters = [_letter(word) for word in words]
    if not all(letters):
        letters = [ALPHABET.get(word.folded) for word in words]
    if not all(letters) and sum(word.folded in NAMES for word in words) >= LEAST_NAMES:
        letters = [_named(word) for word in words]
    spelled = [letter for letter in letters if letter]
    return "".join(spelled) if len(spelled) == LETTERS else None
