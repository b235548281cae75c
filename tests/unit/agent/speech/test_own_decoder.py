"""Decoding that leans towards names, with the real model and the real voice."""

from __future__ import annotations

from collections.abc import Callable
from importlib.resources.abc import Traversable

import numpy as np
import pytest

from agent.language.hearing import Expected
from agent.speech.audio import STT_RATE, Samples
from agent.speech.moonshine_engine import MoonshineEngine
from agent.speech.own_decoder import OwnDecoder

pytestmark = pytest.mark.unit

Spoken = Callable[[str], Samples]
HOME = Expected(country="IN")


def _ended(speech: Samples) -> Samples:
    """Cut speech 60 ms after its last loud sample, as endpointing does. In silence the model adds words."""
    return speech[: int(np.flatnonzero(np.abs(speech) > 300)[-1]) + STT_RATE * 60 // 1000]


@pytest.mark.parametrize(
    ("text", "places"),
    [
        ("From Mumbai to Kolkata.", ["Mumbai", "Kolkata"]),
        ("I want to go to Hyderabad.", ["Hyderabad"]),
    ],
)
def test_names_that_greedy_decoding_garbles_are_heard(
    moonshine: MoonshineEngine, spoken: Spoken, text: str, places: list[str]
) -> None:
    heard = moonshine.decode(spoken(text), HOME)
    assert [place.name for place in heard.places] == places
    assert all(name in heard.text for name in places)
    assert all(place.sure for place in heard.places)


def test_sentences_without_places_stay_as_they_are(moonshine: MoonshineEngine, spoken: Spoken) -> None:
    for text in ("Do you have anything cheaper in the afternoon?", "Yes, please.", "The second one."):
        speech = _ended(spoken(text))
        heard = moonshine.decode(speech, HOME)
        assert heard.places == ()
        assert heard.text == moonshine.decode(speech).text


def test_noise_does_not_repeat_names(moonshine: MoonshineEngine) -> None:
    noise = (np.random.default_rng(7).standard_normal(4 * STT_RATE) * 900).astype(np.int16)
    assert len(moonshine.decode(noise, HOME).text.split()) < 12


def test_every_word_has_a_confidence(moonshine: MoonshineEngine, spoken: Spoken) -> None:
    for expected in (None, HOME):
        heard = moonshine.decode(spoken("Flights from Pune to Patna on Friday, please."), expected)
        assert len(heard.confidences) == len(heard.text.split())
        assert all(0 <= confidence <= 1 for confidence in heard.confidences)


def test_after_a_question_about_two_places_only_those_are_heard(
    moonshine: MoonshineEngine, spoken: Spoken
) -> None:
    offered = Expected(mentioned=frozenset({"PNQ", "PAT"}), only_mentioned=True)
    heard = moonshine.decode(spoken("To Patna."), offered)
    assert [place.name for place in heard.places] == ["Patna"]


def test_the_library_decodes_if_the_own_decoder_cannot_be_loaded(spoken: Spoken) -> None:
    def from_the_wrong_folder(folder: Traversable) -> OwnDecoder:
        return OwnDecoder(folder / "missing")

    engine = MoonshineEngine(from_the_wrong_folder)
    try:
        heard = engine.decode(spoken("I want to fly from Boston to Denver."), HOME)
    finally:
        engine.close()
    assert {"boston", "denver"} <= set(heard.text.lower().rstrip(".").split())
    assert heard.places == ()
    assert heard.confidences == ()
