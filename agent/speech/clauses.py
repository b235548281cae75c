"""Clauses of a growing text, so that speech can start before the text is complete."""

import re

_BOUNDARY = re.compile(r"(?<=[,;:.!?…—])[\"”’)\]]*\s+(?=\S)")
_ABBREVIATION = re.compile(r"(?:\b[A-Za-z]|\b(?:Mr|Mrs|Ms|Dr|St|Mt|Ft|vs|No))\.$")
"""A period that ends no clause: "6 a.m. from", "St. Petersburg"."""

_MIN_FIRST = 4
_MIN_LATER = 40
_MAX = 220


class Clauses:
    """Splitter from pieces of text to clauses.

    The first clause may be short, because the caller waits for it. Later clauses are joined to `_MIN_LATER`
    characters or more, because the voice sounds flat on short ones.
    """

    def __init__(self) -> None:
        self._text = ""
        self._min_length = _MIN_FIRST

    def push(self, piece: str) -> list[str]:
        """Add a piece of text and return the clauses that are complete."""
        self._text += piece
        clauses = []
        while (end := self._next_end()) is not None:
            clauses.append(self._text[:end].strip())
            self._text = self._text[end:].lstrip()
            self._min_length = _MIN_LATER
        return [clause for clause in clauses if clause]

    def finish(self) -> list[str]:
        """Return the remaining text as one clause, or nothing, and start again with an empty text."""
        rest, self._text, self._min_length = self._text.strip(), "", _MIN_FIRST
        return [rest] if rest else []

    def _next_end(self) -> int | None:
        for boundary in _BOUNDARY.finditer(self._text):
            start = boundary.start()
            if start >= self._min_length and not _ABBREVIATION.search(self._text[:start]):
                return boundary.end()
        if len(self._text) > _MAX and (space := self._text.rfind(" ", 0, _MAX)) > 0:
            return space
        return None
