"""Cuts a growing text where a speaker would breathe, so that the first words can be spoken before the last are written."""

import re

_BOUNDARY = re.compile(r"(?<=[,;:.!?…—])[\"”’)\]]*\s+(?=\S)")
_ABBREVIATION = re.compile(r"(?:\b[A-Za-z]|\b(?:Mr|Mrs|Ms|Dr|St|Mt|Ft|vs|No))\.$")
"""A period that ends no clause: "6 a.m. from", "St. Petersburg"."""

_FIRST = 4
_LATER = 40
_LONGEST = 220


class Clauses:
    """Collects pieces of text of any size and gives back whole clauses.

    The first may be short, since somebody waits for it. Those after it are joined up to a length at which the voice keeps its melody.
    """

    def __init__(self) -> None:
        self._text = ""
        self._shortest = _FIRST

    def push(self, piece: str) -> list[str]:
        """Takes the next piece, and gives the clauses that are whole by now."""
        self._text += piece
        clauses = []
        while (cut := self._cut()) is not None:
            clauses.append(self._text[:cut].strip())
            self._text = self._text[cut:].lstrip()
            self._shortest = _LATER
        return [clause for clause in clauses if clause]

    def finish(self) -> list[str]:
        """What is left when no more comes: one clause or none."""
        rest, self._text, self._shortest = self._text.strip(), "", _FIRST
        return [rest] if rest else []

    def _cut(self) -> int | None:
        for boundary in _BOUNDARY.finditer(self._text):
            if boundary.start() >= self._shortest and not _ABBREVIATION.search(
                self._text[: boundary.start()]
            ):
                return boundary.end()
        if len(self._text) > _LONGEST and (space := self._text.rfind(" ", 0, _LONGEST)) > 0:
            return space
        return None
