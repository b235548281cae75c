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


def title_from(text: str) -> str:
    """A title from what the customer said; empty when they only said hello."""
    words = _FILLERS.sub("", " ".join(text.split())).rstrip(" .,!?…-")
    if len(words) < 3:
        return ""
    if len(words) > MAX_LENGTH:
        words = words[: MAX_LENGTH - 1].rsplit(" ", 1)[0].rstrip(" .,!?…-") + "…"
    return words[0].upper() + words[1:]
