"""Titles of conversations: the customer's first request, in a few of their own words."""

from __future__ import annotations

from agent.language import ENGLISH, Language

MAX_LENGTH = 60
"""Longest title, in characters."""

_JOINERS = "\u200c\u200d"
"""Unicode calls them unprintable, but words of Persian or Devanagari are spelt with them."""


def title_from(text: str, language: Language = ENGLISH) -> str:
    """Return a title made of what the customer said; empty when that was only a greeting.

    The title is one line without control characters, since PostgreSQL's text takes no NUL.
    """
    words = language.without_opening(" ".join(_printable(text).split())).rstrip(" .,!?…-")
    if len(words) < 3:
        return ""
    if len(words) > MAX_LENGTH:
        words = words[: MAX_LENGTH - 1].rsplit(" ", 1)[0].rstrip(" .,!?…-") + "…"
    return words[0].upper() + words[1:]


def _printable(text: str) -> str:
    if text.isprintable():
        return text
    return "".join(letter if letter.isprintable() or letter in _JOINERS else " " for letter in text)
