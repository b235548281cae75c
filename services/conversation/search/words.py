"""Words of the search index: splitting of text, and folding of case and accents, for entries and queries.

Only stemming is left to the database (Snowball for English on PostgreSQL, Porter on SQLite), which changes
few words of other languages. So no punctuation, operator or quotation mark reaches a database's query syntax.
A change of these rules requires a rebuild of the indexes.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator
from typing import NamedTuple

MAX_LENGTH = 64
"""Characters of a word that are indexed; the rest is cut off."""
_ACCENTS = range(0x300, 0x370)
_RUN = re.compile(r"\S+")


class Word(NamedTuple):
    """Word and its position in a text."""

    start: int
    end: int
    folded: str
    """The word without case, accents and compatibility forms."""


def words_in(text: str) -> Iterator[Word]:
    """Yield the words of a text: runs of letters, digits and the vowel marks of scripts like Devanagari."""
    # Testing each letter of a long text would block the event loop for twenty milliseconds.
    separated = {ord(letter): letter if _in_word(letter) else " " for letter in set(text)}
    for run in _RUN.finditer(text.translate(separated)):
        if folded := _folded(run[0]):
            yield Word(run.start(), run.end(), folded)


def folded_words(text: str) -> list[str]:
    """Return the words of a text as the index stores them."""
    return [word.folded for word in words_in(text)]


def _in_word(letter: str) -> bool:
    return letter.isalnum() or unicodedata.category(letter).startswith("M")


def _folded(word: str) -> str:
    if word.isascii():
        return word.lower()[:MAX_LENGTH]
    decomposed = unicodedata.normalize("NFKD", word)
    folding = {
        ord(letter): letter if ord(letter) not in _ACCENTS and _in_word(letter) else None
        for letter in set(decomposed)
    }
    return unicodedata.normalize("NFC", decomposed.translate(folding).casefold())[:MAX_LENGTH]
