"""Pieces of an utterance that a grammar has recognised, by character position."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar

T = TypeVar("T")
T_co = TypeVar("T_co", covariant=True)


@dataclass(frozen=True, slots=True)
class Found(Generic[T_co]):
    """A recognised piece: characters `start` up to, not including, `end`, and what they mean."""

    start: int
    end: int
    value: T_co

    def overlaps(self, start: int, end: int) -> bool:
        """Whether the piece shares a character with `start`..`end`."""
        return self.start < end and start < self.end


def lowered(text: str) -> str:
    """Lower case without moving a character: positions found in the result hold in `text` (`"İ".lower()` is two characters long)."""
    plain = text.replace("’", "'")
    return "".join(lower if len(lower := character.lower()) == 1 else character for character in plain)


def masked(text: str, pieces: Iterable[Found[object]]) -> str:
    """`text` with the pieces blanked, so that nobody takes "to Mara morning" for a town; length and positions stay the same.

    A comma marks the gap: no name goes on across it.
    """
    characters = list(text)
    for piece in pieces:
        characters[piece.start : piece.end] = ",".ljust(piece.end - piece.start)
    return "".join(characters)


def without_overlaps(pieces: Sequence[Found[T]]) -> list[Found[T]]:
    """The longest of overlapping pieces, in the order of the sentence."""
    kept: list[Found[T]] = []
    for piece in sorted(pieces, key=lambda piece: (piece.start - piece.end, piece.start)):
        if not any(piece.overlaps(other.start, other.end) for other in kept):
            kept.append(piece)
    return sorted(kept, key=lambda piece: piece.start)
