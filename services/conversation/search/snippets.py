"""Snippets: the matched words of a search result with their context."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Set
from typing import NamedTuple

from services.conversation.search.words import Word, words_in

WIDTH = 160
"""Approximate length of a snippet, in characters."""
LEAD = 40
"""Approximate length of the context before the first matched word, in characters."""


class Part(NamedTuple):
    """Part of a snippet."""

    text: str
    matched: bool


def snippet(text: str, matching: Set[str]) -> list[Part]:
    """Return a short text as a whole, or the part around its first matched word, cut between words.

    An ellipsis marks omitted text. The joined parts are the snippet.

    Args:
        matching: the words that match the query, folded as in `words`.
    """
    words = list(words_in(text))
    hits = [word for word in words if word.folded in matching]
    start, end = _window(text, words, hits)
    parts: list[Part] = [Part("…", False)] if start else []
    at = start
    for hit in hits:
        if start <= hit.start and hit.end <= end:
            parts += [Part(text[at : hit.start], False), Part(text[hit.start : hit.end], True)]
            at = hit.end
    parts += [Part(text[at:end], False), Part("…" if end < len(text) else "", False)]
    return _joined(part for part in parts if part.text)


def _window(text: str, words: list[Word], hits: list[Word]) -> tuple[int, int]:
    if len(text) <= WIDTH:
        return 0, len(text)
    first = hits[0] if hits else Word(0, 0, "")
    earliest = min(max(0, first.start - LEAD), len(text) - WIDTH)
    start = _first((word.start for word in words), lambda at: at >= earliest, first.start) if earliest else 0
    if len(text) - start <= WIDTH:
        return start, len(text)
    fitting = [word.end for word in words if start < word.end <= start + WIDTH]
    return start, max(fitting, default=start + WIDTH)


def _first(positions: Iterable[int], fits: Callable[[int], bool], otherwise: int) -> int:
    return min(next((at for at in positions if fits(at)), otherwise), otherwise)


def _joined(parts: Iterable[Part]) -> list[Part]:
    joined: list[Part] = []
    for part in parts:
        if joined and not part.matched and not joined[-1].matched:
            joined[-1] = Part(joined[-1].text + part.text, False)
        else:
            joined.append(part)
    return joined
