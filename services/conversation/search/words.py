"""Words as the search index keeps them: the same for what was said and for what is looked for, whatever the database.

Stemming is the database's own (Snowball's English on PostgreSQL, Porter's on SQLite): words of other languages are mostly left as they
are. Everything before it happens here: what is a word, case, accents. So no punctuation, operator or quotation mark ever reaches a
database's query syntax. An index holds what this module made of the log: whoever changes the rules has to build the indexes anew.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator
from typing import NamedTuple

LONGEST = 64
"""Characters of a word that count."""
_ACCENTS = range(0x300, 0x370)
_RUN = re.compile(r"\S+")


class Word(NamedTuple):
    """A word and where it stands."""

    start: int
    end: int
    folded: str
    """Without case, accents and compatibility forms."""


def words_in(text: str) -> Iterator[Word]:
    """The words of a text, in order: unbroken runs of letters, digits and the marks that scripts like Devanagari write vowels with."""
    # Asked letter by letter, a long text would take twenty milliseconds of everybody's event loop.
    parted = {ord(letter): letter if _in_word(letter) else " " for letter in set(text)}
    for run in _RUN.finditer(text.translate(parted)):
        if folded := _folded(run[0]):
            yield Word(run.start(), run.end(), folded)


def folded_words(text: str) -> list[str]:
    """The words of a text as the index keeps them."""
    return [word.folded for word in words_in(text)]


def _in_word(letter: str) -> bool:
    return letter.isalnum() or unicodedata.category(letter).startswith("M")


def _folded(word: str) -> str:
    if word.isascii():
        return word.lower()[:LONGEST]
    apart = unicodedata.normalize("NFKD", word)
    bare = {
        ord(letter): letter if ord(letter) not in _ACCENTS and _in_word(letter) else None
        for letter in set(apart)
    }
    return unicodedata.normalize("NFC", apart.translate(bare).casefold())[:LONGEST]
