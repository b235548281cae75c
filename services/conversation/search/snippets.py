"""Snippets of search results: the matched words with their context."""

from __future__ import annotations

from collections.abc import Iterable, Set

from readback.conversation.v1.conversation_service_pb2 import SnippetPart

from services.conversation.search.words import Word, words_in

WIDTH = 160
"""Approximate length of a snippet, in characters."""
LEAD = 40
"""Approximate number of characters before the first matched word."""


def snippet(text: str, matching: Set[str]) -> list[SnippetPart]:
    """Return the parts of a snippet; their concatenated texts are the snippet.

    A short text is returned whole. Of a longer one, the part around the first matched word is returned. It
    starts and ends at a word, and ellipses mark the omitted text.

    Args:
        matching: the words that match the query, folded by `search.words`.
    """
    words = _words_around_first(text, matching)
    hits = [word for word in words if word.folded in matching]
    start, end = _window(text, words, hits)
    pieces = [("…" if start else "", False)]
    at = start
    for hit in hits:
        if start <= hit.start and hit.end <= end:
            pieces += [(text[at : hit.start], False), (text[hit.start : hit.end], True)]
            at = hit.end
    pieces += [(text[at:end], False), ("…" if end < len(text) else "", False)]
    return _joined(pieces)


def _words_around_first(text: str, matching: Set[str]) -> list[Word]:
    """Return the words from the start to beyond the snippet, since the rest of a long text isn't needed."""
    words, end = [], len(text)
    for word in words_in(text):
        if word.start > end:
            break
        words.append(word)
        if end == len(text) and word.folded in matching:
            end = word.start + WIDTH
    return words


def _window(text: str, words: list[Word], hits: list[Word]) -> tuple[int, int]:
    if len(text) <= WIDTH:
        return 0, len(text)
    first = hits[0].start if hits else 0
    earliest = min(max(0, first - LEAD), len(text) - WIDTH)
    starts = (word.start for word in words if word.start >= earliest)
    start = min(next(starts, first), first) if earliest else 0
    if len(text) - start <= WIDTH:
        return start, len(text)
    fitting = [word.end for word in words if start < word.end <= start + WIDTH]
    return start, max(fitting, default=start + WIDTH)


def _joined(pieces: Iterable[tuple[str, bool]]) -> list[SnippetPart]:
    parts: list[SnippetPart] = []
    for text, matched in pieces:
        if parts and not matched and not parts[-1].matched:
            parts[-1].text += text
        elif text:
            parts.append(SnippetPart(text=text, matched=matched))
    return parts
