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
    for run in _RUN.finditer(_separated(text)):
        if folded := _folded(run[0]):
            yield Word(run.start(), run.end(), folded)


def folded_words(text: str) -> list[str]:
    """Return the words of a text as the index stores them."""
    return [word.folded for word in words_in(text)]


def distinct_words(text: str) -> set[str]:
    """Return the distinct words of a text as the index stores them. It is faster than `folded_words`."""
    return {folded for run in set(_separated(text).split()) if (folded := _folded(run))}


def _separated(text: str) -> str:
    """Return the text with a space in place of each character outside words."""
    # Each distinct letter is tested only once, because testing all letters of a long text would take 20 ms.
    return text.translate({ord(letter): letter if _in_word(letter) else " " for letter in set(text)})


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
