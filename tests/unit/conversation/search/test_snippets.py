"""Snippets: the matched words with their context."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from readback.conversation.v1.conversation_service_pb2 import SnippetPart

from services.conversation.search.snippets import WIDTH, snippet

pytestmark = pytest.mark.unit

LONG = " ".join(f"word{number}" for number in range(100))


def part(text: str, *, matched: bool) -> SnippetPart:
    return SnippetPart(text=text, matched=matched)


def joined(parts: list[SnippetPart]) -> str:
    return "".join(part.text for part in parts)


def test_a_short_text_is_its_own_snippet() -> None:
    assert snippet("Show Flights to Delhi.", {"flights", "delhi"}) == [
        part("Show ", matched=False),
        part("Flights", matched=True),
        part(" to ", matched=False),
        part("Delhi", matched=True),
        part(".", matched=False),
    ]


def test_matched_words_keep_their_case_and_accents() -> None:
    assert part("Zürich", matched=True) in snippet("From Zürich.", {"zurich"})


def test_a_long_text_is_cut_between_words_around_the_match() -> None:
    parts = snippet(LONG, {"word50"})
    text = joined(parts)
    assert part("word50", matched=True) in parts
    assert text.startswith("…word4")
    assert text.endswith("…")
    assert set(text.strip("…").split()) <= set(LONG.split())
    assert len(text) <= WIDTH + 20


@pytest.mark.parametrize(("word", "starts", "ends"), [("word0", False, True), ("word99", True, False)])
def test_an_ellipsis_marks_omitted_text(word: str, starts: bool, ends: bool) -> None:
    text = joined(snippet(LONG, {word}))
    assert text.startswith("…") is starts
    assert text.endswith("…") is ends


def test_a_text_without_a_match_shows_its_beginning() -> None:
    assert joined(snippet(LONG, set())).startswith("word0 word1")


def test_a_text_of_one_very_long_word_is_cut() -> None:
    assert len(joined(snippet("x" * 5000, set()))) <= WIDTH + 1


@given(st.text(max_size=600), st.sets(st.text(st.characters(categories=["Ll"]), min_size=1, max_size=3)))
def test_a_snippet_is_part_of_its_text(text: str, matching: set[str]) -> None:
    parts = snippet(text, matching)
    assert all(part.text for part in parts)
    assert (
        joined(parts)
        .removeprefix("…" if len(text) > WIDTH else "")
        .removesuffix("…" if len(text) > WIDTH else "")
        in text
    )
