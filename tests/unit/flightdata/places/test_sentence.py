"""Cues for a place in a sentence."""

from __future__ import annotations

import pytest

from services.flightdata.places.sentence import Cue, Sentence, context_words
from services.flightdata.places.text_keys import words

pytestmark = pytest.mark.unit


def _sentence(text: str) -> Sentence:
    return Sentence(words(text), context_words())


@pytest.mark.parametrize(
    ("text", "word", "cue"),
    [
        ("fly from chinai", "chinai", Cue.SLOT),
        ("I want to fly the cochi", "cochi", Cue.SLOT),
        ("I want to flight a lookno", "lookno", Cue.SLOT),
        ("any flights chinai tomorrow", "chinai", Cue.NEAR),
        ("chinai to deli tomorrow", "chinai", Cue.SLOT),
        ("the chinai to deli", "chinai", Cue.SLOT),
        ("my friend chinai to deli", "chinai", Cue.NEAR),
        ("chinai to go", "chinai", Cue.NEAR),
        ("is chinai airport open", "chinai", Cue.SLOT),
        ("something out of chinai", "chinai", Cue.SLOT),
        ("my friend chinai sings", "chinai", Cue.NONE),
        ("chinai", "chinai", Cue.ALONE),
        ("no, chinai please", "chinai", Cue.ALONE),
        ("uh I mean chinai", "chinai", Cue.ALONE),
    ],
)
def test_the_words_around_a_window_are_a_cue_for_a_place(text: str, word: str, cue: Cue) -> None:
    sentence = _sentence(text)
    place = [w.folded for w in sentence.words].index(word)
    assert sentence.cue(place, place + 1) is cue


@pytest.mark.parametrize(
    ("text", "directional"),
    [
        ("fly to here", True),
        ("going from here", True),
        ("a ticket to here", True),
        ("I want to call", False),
        ("talk to here", False),
        ("stay in here", False),
    ],
)
def test_a_place_must_begin_only_after_a_direction(text: str, directional: bool) -> None:
    sentence = _sentence(text)
    assert sentence.directional(len(sentence.words) - 1) is directional


def test_a_window_knows_its_everyday_words_its_breaks_and_its_numbers() -> None:
    sentence = _sentence("go hotty, on the 9th of May")
    assert sentence.common(0, 2) == 1
    assert not sentence.broken(0, 2)
    assert sentence.broken(0, 3)
    assert sentence.barred(3, 5)
    assert sentence.barred(5, 7)
    assert not sentence.barred(0, 2)


def test_context_words_are_grouped_by_role() -> None:
    context = context_words()
    assert {"may", "monday", "tomorrow"} <= context.time <= context.never <= context.common
    assert {"nice", "mobile", "reading", "bath", "split", "orange"} <= context.common - context.never
    assert {"from", "to", "in"} <= context.slot
    assert len(context.decoys) == len(context.decoy_sounds) > 30
    assert "tomorrowmorning" in context.decoys
