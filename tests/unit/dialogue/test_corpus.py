"""The corpus of the bench is well formed, and the grammar holds what it was tuned to."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from jsonschema import Draft202012Validator

from agent.dialogue.context import Context
from agent.dialogue.understanding import understand
from bench.understanding import (
    FILES,
    TODAY,
    LexiconPlaces,
    comparable,
    context_of,
    false_searches,
    measure,
    read_cases,
    summary,
    utterances_without_request,
)

pytestmark = pytest.mark.unit

FRAME = Draft202012Validator(json.loads(Path(__file__).with_name("frame.json").read_text(encoding="utf-8")))
PLACES = ("origin", "destination", "airport")
LEAST_SHARE = {"tuning": 0.95}


def test_corpus_is_large_and_half_of_it_kept_apart() -> None:
    tuning, held_out = ({case.text for case in read_cases(name)} for name in FILES)
    assert len(tuning) + len(held_out) >= 150
    assert len(held_out) >= 75


@pytest.mark.parametrize("name", FILES)
def test_expected_frames_are_frames(name: str) -> None:
    for case in read_cases(name):
        slots = {
            slot: {"text": value, "place": value} if slot in PLACES else value
            for slot, value in case.expected["slots"].items()
        }
        FRAME.validate({"intent": case.expected["intent"], "slots": slots, "confidence": 1.0})
        assert context_of(case).now.date().isoformat() == "2026-11-23"


async def test_grammar_holds_what_it_was_tuned_to() -> None:
    outcomes = await measure("tuning")
    figures = summary("tuning", outcomes)
    assert figures["share"] >= LEAST_SHARE["tuning"], [
        outcome.case.text for outcome in outcomes if not outcome.right
    ]


async def test_at_most_two_percent_of_what_is_no_request_starts_a_search() -> None:
    texts = await false_searches()
    assert len(texts) <= 0.02 * len(utterances_without_request()), texts


@pytest.mark.parametrize(
    "text",
    [
        "find flights from Philadelphia. I want to start my trip on friday",
        "I would like to fly from Philadelphia. I head there on friday",
    ],
)
async def test_words_of_any_request_are_no_misheard_place(text: str) -> None:
    frame = await understand(text, LexiconPlaces(), Context.pinned(TODAY))
    assert frame.slots.origin
    assert frame.slots.destination is None


async def test_an_ordinary_word_is_a_code_only_in_a_request_for_flights() -> None:
    context = Context.pinned(TODAY)
    assert (await understand("I'm going to bed", LexiconPlaces(), context)).slots.destination is None
    slots = (await understand("fly me from pit to pdx", LexiconPlaces(), context)).slots
    assert [slot and slot.place and slot.place.code for slot in (slots.origin, slots.destination)] == [
        "PIT",
        "PDX",
    ]


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("I want to go to hide her bud", "HYD"),
        ("new deli please", "DEL"),
        ("Is there anything nonstop to delly tonight?", "DEL"),
        ("No, sid knee.", "SYD"),
    ],
)
async def test_a_misheard_name_that_is_likely_still_starts_a_search(text: str, code: str) -> None:
    frame = await understand(text, LexiconPlaces(), Context.pinned(TODAY))
    assert frame.slots.destination
    assert frame.slots.destination.place
    assert frame.slots.destination.place.code == code


async def test_places_of_the_lexicon_stand_where_they_were_said() -> None:
    text = "flights from Chennai to New York"
    mentions = await LexiconPlaces().annotate(text, home_country="IN")
    assert [text[mention.start : mention.end] for mention in mentions] == ["Chennai", "New York"]


def test_frames_are_compared_by_codes_and_without_confidence() -> None:
    frame = {
        "intent": "search_flights",
        "slots": {"origin": {"text": "chinai", "place": "MAA"}, "destination": {"text": "nowhere"}},
        "confidence": 0.4,
    }
    assert comparable(frame) == {
        "intent": "search_flights",
        "slots": {"origin": "MAA", "destination": "nowhere"},
    }
