"""Scores of the bench of spoken places."""

from __future__ import annotations

import random

import numpy as np
import pytest

from agent.language.hearing import HeardPlace, Transcript
from agent.speech.audio import STT_RATE
from bench.places.spoken import NO_PLACES, Request, Score, requests, telephone

pytestmark = pytest.mark.unit


def test_a_sure_place_is_right_or_wrong_at_once() -> None:
    score = Score(milliseconds=[1.0])
    score.add(Request("to Delhi", ["DEL"]), Transcript("I want to fly to Delhi"))
    score.add(Request("to Delhi", ["DEL"]), Transcript("I want to fly to Chennai"))
    report = score.report()
    assert (report["right"], report["after_question"], report["wrong_and_sure"]) == (0.5, 0.5, 0.5)


def test_an_unsure_place_counts_as_right_after_the_question_that_offers_it() -> None:
    score = Score(milliseconds=[1.0])
    unsure = (HeardPlace("Chennai", 0.5, ("Delhi",)),)
    score.add(Request("to Delhi", ["DEL"]), Transcript("I want to fly to Chennai", places=unsure))
    report = score.report()
    assert (report["right"], report["after_question"], report["wrong_and_sure"]) == (0.0, 1.0, 0.0)


def test_places_in_sentences_without_places_are_counted_apart() -> None:
    score = Score(milliseconds=[1.0])
    score.add(Request("Thank you, goodbye."), Transcript("Fly to Dubai"))
    score.add(Request("Yes, please."), Transcript("Yes, please."))
    report = score.report()
    assert (report["places"], report["inserted"]) == (0, 0.5)


def test_flight_numbers_are_read_from_the_transcript() -> None:
    score = Score(milliseconds=[1.0])
    score.add(Request("", flight_number="AI542"), Transcript("Status of A I 542"))
    score.add(Request("", flight_number="AI542"), Transcript("Status of I am for two"))
    assert score.report()["flight_numbers"] == 0.5


def test_requests_are_the_same_for_the_same_seed() -> None:
    once, again = (list(requests(8, random.Random("0 hibari"))) for _ in range(2))
    assert once == again
    assert len(once) == 16
    assert {one.said for one in once if not one.places and not one.flight_number} <= set(
        NO_PLACES.read_text("utf-8").splitlines()
    )


def test_the_telephone_carries_only_its_band() -> None:
    seconds = np.arange(STT_RATE) / STT_RATE
    for hertz, carried in ((100, False), (1000, True), (6000, False)):
        tone = np.sin(2 * np.pi * hertz * seconds).astype(np.float32)
        assert (float(np.abs(telephone(tone)).mean()) > 0.3) is carried
