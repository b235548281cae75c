"""Corrections in one breath: in "two tickets, no, three", the later value replaces the earlier one."""

from __future__ import annotations

import re
from collections.abc import Sequence

from agent.language.en.numbers import CARDINAL, ORDINAL
from agent.language.spans import Found, T

_MARKER = (
    r"(?:no|nope|sorry|i mean|i meant|actually|rather|or rather|make that|make it|wait|hold on|scratch that|"
    r"correction|oops|not that|change that to|let's say|better)"
)
_FILLER = r"(?:um+|uh+|er+|well|it's|is|for|on|at|in|with|by|to|the|a|an|my|only|just|i|want|need|take)"
_BOUND = r"(?:around|about|after|before|until)"
_REPAIR = re.compile(rf"\b{_MARKER}\b(?:[ ,.…-]+(?:{_MARKER}|{_FILLER}|{_BOUND})\b){{0,5}}[ ,.…-]*$")
REPAIR = re.compile(rf"\b{_MARKER}\b")
"""Words that announce a correction."""


def repairs(between: str) -> bool:
    """Return whether the text between two values announces that the second one replaces the first."""
    return _REPAIR.search(between) is not None


def unreplaced(text: str, pieces: Sequence[Found[T]], *, no_rejects: bool = False) -> list[Found[T]]:
    """Return the pieces of one kind in lower-case `text` that no later piece replaces.

    With `no_rejects`, a "no" directly before a piece rejects it: "IndiGo, no Air India".
    """
    kept: list[Found[T]] = []
    for piece in pieces:
        rejects = no_rejects and text[: piece.start].endswith(" no ")
        if kept and not rejects and repairs(text[kept[-1].end : piece.start]):
            kept.pop()
        kept.append(piece)
    return kept


_NUMBER = rf"(?:\d{{1,2}}:\d\d|{ORDINAL}|(?:{CARDINAL})(?: (?:{CARDINAL}))*)"
_SHORT_REPAIR = re.compile(
    rf"[ ,.…-]+{_MARKER}\b(?:[ ,.…-]+(?:{_MARKER}|{_FILLER})\b){{0,5}}[ ,.…-]+(?P<number>{_NUMBER})"
    r"(?=[ ,.?!]*$|,| (?:please|from|to|and)\b)",
    re.IGNORECASE,
)
_ANY_NUMBER = re.compile(rf"(?<![\w:.]){_NUMBER}(?![\w:])", re.IGNORECASE)


def with_repaired_numbers(text: str) -> str:
    """Return text in its original case in which a number alone replaces the last such number before it.

    "Two tickets, no, three" becomes "three tickets", and "on the fifth, sorry, sixth" "on the sixth".
    """
    while match := _SHORT_REPAIR.search(text):
        number, before, after = match["number"], text[: match.start()], text[match.end() :]
        same_shape = [
            found for found in _ANY_NUMBER.finditer(before) if _shape(found.group()) == _shape(number)
        ]
        if not same_shape:
            return text
        old = same_shape[-1]
        text = before[: old.start()] + number + before[old.end() :] + after
    return text


def _shape(number: str) -> str:
    if re.fullmatch(ORDINAL, number.lower()):
        return "ordinal"
    return "clock" if ":" in number else "cardinal"
