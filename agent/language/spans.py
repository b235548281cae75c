"""Recognised pieces of an utterance, by character position."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Generic, Protocol, TypeVar

T = TypeVar("T")
T_co = TypeVar("T_co", covariant=True)


class Span(Protocol):
    """A range of characters, from `start` to before `end`."""

    @property
    def start(self) -> int:
        """Position of the first character."""

    @property
    def end(self) -> int:
        """Position after the last character."""


@dataclass(frozen=True, slots=True)
class Found(Generic[T_co]):
    """A recognised piece: the characters from `start` to before `end`, and their meaning."""

    start: int
    end: int
    value: T_co

    def overlaps(self, start: int, end: int) -> bool:
        """Return whether the piece overlaps the characters from `start` to before `end`."""
        return self.start < end and start < self.end


def found_at(match: re.Match[str], value: T) -> Found[T]:
    """Return the piece that a match covers, with `value` as its meaning."""
    return Found(match.start(), match.end(), value)


def value_of(piece: Found[T] | None) -> T | None:
    """Return the meaning of a piece, or None if there is no piece."""
    return piece.value if piece else None


def lowered(text: str) -> str:
    """Return `text` in lower case with the same length. (`"İ".lower()` would have two characters.)"""
    plain = text.replace("’", "'")
    return "".join(lower if len(lower := character.lower()) == 1 else character for character in plain)


def masked(text: str, pieces: Iterable[Span]) -> str:
    """Return `text` with the pieces replaced by a comma and spaces. Positions stay the same.

    No place name contains a comma, so words on both sides of a piece aren't read as one name.
    """
    characters = list(text)
    for piece in pieces:
        characters[piece.start : piece.end] = ",".ljust(piece.end - piece.start)
    return "".join(characters)


def without_overlaps(pieces: Sequence[Found[T]]) -> list[Found[T]]:
    """Return the pieces in the order of the sentence. Of overlapping pieces keep only the longest."""
    kept: list[Found[T]] = []
    for piece in sorted(pieces, key=lambda piece: (piece.start - piece.end, piece.start)):
        if not any(piece.overlaps(other.start, other.end) for other in kept):
            kept.append(piece)
    return sorted(kept, key=lambda piece: piece.start)
