"""Words of the search index: splitting of text into words, and folding of case and accents.

Entries and queries are split and folded here, so that no punctuation or operator reaches a database's query
syntax. Only stemming is done by the database (Snowball for English on PostgreSQL, Porter on SQLite). It
changes few words of other languages. After a change of these rules, the indexes must be rebuilt.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator
from typing import NamedTuple

MAX_LENGTH = 64
"""Most characters of an indexed word; the rest is dropped."""
_ACCENTS = range(0x300, 0x370)
_RUN = re.compile(r"\S+")


class Word(NamedTuple):
    """A word and its position in a text."""

    start: int
    end: int
    folded: str
    """The word without case, accents and compatibility forms."""


def words_in(text: str) -> Iterator[Word]:
    """Yield the words of a text. A word consists of letters, digits and marks, as in Devanagari vowels."""
    # Each distinct letter is tested only once. Testing all letters of a long text would block the event loop
    # for 20 milliseconds.
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
