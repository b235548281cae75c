"""A conversation's title: what the customer asked for, in a few of their own words."""

from __future__ import annotations

from agent.language import ENGLISH, Language

MAX_LENGTH = 60
"""Characters of a title."""

_JOINERS = "\u200c\u200d"
"""Not printable by Unicode's books, but words of Persian or Devanagari are spelt with them."""


def title_from(text: str, language: Language = ENGLISH) -> str:
    """A title from what the customer said; empty when they only said hello.

    Whatever the text holds, the title is one line without control characters: it goes into a column of text, and PostgreSQL's takes no NUL.
    """
    words = language.without_opening(" ".join(_printable(text).split())).rstrip(" .,!?…-")
    if len(words) < 3:
        return ""
    if len(words) > MAX_LENGTH:
        words = words[: MAX_LENGTH - 1].rsplit(" ", 1)[0].rstrip(" .,!?…-") + "…"
    return words[0].upper() + words[1:]


def _printable(text: str) -> str:
    return (
        text
        if text.isprintable()
        else "".join(letter if letter.isprintable() or letter in _JOINERS else " " for letter in text)
    )
