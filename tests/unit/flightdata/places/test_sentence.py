"""Where a sentence asks for a place."""

from __future__ import annotations

import pytest

from services.flightdata.places import carrier_words
from services.flightdata.places.sentence import Sentence, Setting
from services.flightdata.places.text_keys import words

pytestmark = pytest.mark.unit


def _sentence(text: str) -> Sentence:
    return Sentence(words(text), carrier_words.load())


@pytest.mark.parametrize(
    ("text", "word", "setting"),
    [
        ("fly from chinai", "chinai", Setting.SLOT),
        ("I want to fly the cochi", "cochi", Setting.SLOT),
        ("I want to flight a lookno", "lookno", Setting.SLOT),
        ("any flights chinai tomorrow", "chinai", Setting.NEAR),
        ("chinai to deli tomorrow", "chinai", Setting.SLOT),
        ("the chinai to deli", "chinai", Setting.SLOT),
        ("my friend chinai to deli", "chinai", Setting.NEAR),
        ("chinai to go", "chinai", Setting.NEAR),
        ("is chinai airport open", "chinai", Setting.SLOT),
        ("something out of chinai", "chinai", Setting.SLOT),
        ("my friend chinai sings", "chinai", Setting.NONE),
        ("chinai", "chinai", Setting.ALONE),
        ("no, chinai please", "chinai", Setting.ALONE),
        ("uh I mean chinai", "chinai", Setting.ALONE),
    ],
)
def test_the_words_around_a_window_say_whether_a_place_is_wanted(
    text: str, word: str, setting: Setting
) -> None:
    sentence = _sentence(text)
    place = [w.folded for w in sentence.words].index(word)
    assert sentence.setting(place, place + 1) is setting


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
def test_a_place_must_stand_after_a_direction_only(text: str, directional: bool) -> None:
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


def test_sections_of_carrier_words_hold_what_they_say() -> None:
    carrier = carrier_words.load()
    assert {"may", "monday", "tomorrow"} <= carrier.time <= carrier.never <= carrier.common
    assert {"nice", "mobile", "reading", "bath", "split", "orange"} <= carrier.common - carrier.never
    assert {"from", "to", "in"} <= carrier.slot
    assert len(carrier.decoys) == len(carrier.decoy_sounds) > 30
    assert "tomorrowmorning" in carrier.decoys
