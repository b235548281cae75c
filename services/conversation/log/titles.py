"""Titles of conversations: what the customer chose, or else the beginning of their first request."""

from __future__ import annotations

from agent.language import ENGLISH, Language

MAX_LENGTH = 60
"""Longest title, in characters."""

_JOINERS = "\u200c\u200d"
"""Zero-width joiners. Unicode classes them as unprintable, but Persian and Hindi words need them."""


def title_from(text: str, language: Language = ENGLISH) -> str:
    """Return a title for an utterance of the customer; empty if it was only a greeting.

    The title is one line without control characters, because a text in PostgreSQL can't contain NUL.
    """
    words = language.without_opening(" ".join(_printable(text).split())).rstrip(" .,!?…-")
    if len(words) < 3:
        return ""
    if len(words) > MAX_LENGTH:
        words = words[: MAX_LENGTH - 1].rsplit(" ", 1)[0].rstrip(" .,!?…-") + "…"
    return words[0].upper() + words[1:]


def is_title(text: str) -> bool:
    """Return whether a customer may give a conversation this title: one line of printable characters."""
    return bool(text.strip()) and _printable(text) == text


def _printable(text: str) -> str:
    if text.isprintable():
        return text
    return "".join(letter if letter.isprintable() or letter in _JOINERS else " " for letter in text)
