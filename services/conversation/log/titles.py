"""A conversation's title: what the customer asked for, in a few of their own words."""

from __future__ import annotations

import re

MAX_LENGTH = 60
"""Characters of a title."""

_FILLERS = re.compile(
    r"^(?:(?:hi|hello|hey|good (?:morning|afternoon|evening)|namaste|ok(?:ay)?|yes|no|yeah|um+|uh+|er+|well|so|please"
    r"|(?:can|could) you(?: please)?|i(?:'d| would) like(?: you)? to|i want to|i need to|there)\b[\s,.!?…-]*)+",
    re.IGNORECASE,
)
_JOINERS = "\u200c\u200d"
"""Not printable by Unicode's books, but words of Persian or Devanagari are spelt with them."""


def title_from(text: str) -> str:
    """A title from what the customer said; empty when they only said hello.

    Whatever the text holds, the title is one line without control characters: it goes into a column of text, and PostgreSQL's takes no NUL.
    """
    words = _FILLERS.sub("", " ".join(_printable(text).split())).rstrip(" .,!?…-")
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
