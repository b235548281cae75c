"""Completeness of a partial transcript, with and without an open question."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agent.language.en.completeness import completeness
from agent.language.meanings import Completeness, Expectation

pytestmark = pytest.mark.unit


@pytest.mark.parametrize(
    "text",
    [
        "show flights from Chennai to Delhi tomorrow morning",
        "flights from Chennai to Delhi on the fifth of December",
        "I want to fly to Goa on Friday",
        "is AI 542 on time",
        "is indigo two three four delayed",
        "what about the evening",
        "what about Mumbai",
        "nonstop only",
        "the second one",
        "the cheapest one please",
        "tomorrow morning",
        "yes",
        "no thanks",
        "thank you bye",
        "say that again",
        "what can you do",
        "more options",
        "just one way",
        "any time is fine",
        "which airport is in Denver",
        "what's the airport of Kochi",
        "which airport does Munich have",
    ],
)
def test_complete_requests_are_recognised(text: str) -> None:
    assert completeness(text) is Completeness.COMPLETE


@pytest.mark.parametrize(
    "text",
    [
        "",
        "um",
        "flights from Chennai to",
        "flights from",
        "flights from Chennai",
        "I want to fly from Chennai 2",
        "between Chennai and",
        "I'd like to",
        "show me",
        "flights to Delhi on the",
        "what about",
        "is the",
        "which airport is in",
        "which airport is in New",
        "flights to New",
        "Chennai to Delhi after",
        "flights to Delhi tomorrow without",
        "flights tomorrow anything but",
        "I need to reach",
        "I want to go to Delhi and",
        "flights to Del-",
        "well, I think…",
    ],
)
def test_unfinished_requests_are_recognised(text: str) -> None:
    assert completeness(text) is Completeness.INCOMPLETE


@pytest.mark.parametrize(
    "text",
    ["flights from Chennai to Delhi", "hello", "I want to fly to Goa", "Mumbai", "AI 5", "tell me something"],
)
def test_possibly_unfinished_requests_are_unknown(text: str) -> None:
    assert completeness(text) is Completeness.UNKNOWN


@pytest.mark.parametrize(
    ("text", "expectation"),
    [
        ("yes", Expectation.YES_NO),
        ("yeah that's right", Expectation.YES_NO),
        ("no", Expectation.YES_NO),
        ("Mumbai", Expectation.PLACE),
        ("from Mumbai", Expectation.PLACE),
        ("to Port Blair", Expectation.PLACE),
        ("New Delhi", Expectation.PLACE),
        ("I want to fly from Chennai", Expectation.PLACE),
        ("tomorrow", Expectation.DATE),
        ("on Friday", Expectation.DATE),
        ("the fifth of December", Expectation.DATE),
        ("the twelfth", Expectation.DATE),
        ("A I five four two", Expectation.FLIGHT_NUMBER),
        ("indigo two three four", Expectation.FLIGHT_NUMBER),
    ],
)
def test_expected_answer_is_complete(text: str, expectation: Expectation) -> None:
    assert completeness(text, expectation) is Completeness.COMPLETE


@pytest.mark.parametrize(
    ("text", "expectation", "judged"),
    [
        ("New", Expectation.PLACE, Completeness.INCOMPLETE),
        ("from", Expectation.PLACE, Completeness.INCOMPLETE),
        ("the fifth of", Expectation.DATE, Completeness.INCOMPLETE),
        ("december", Expectation.DATE, Completeness.INCOMPLETE),
        ("next", Expectation.DATE, Completeness.INCOMPLETE),
        ("A I five", Expectation.FLIGHT_NUMBER, Completeness.UNKNOWN),
        ("A I", Expectation.FLIGHT_NUMBER, Completeness.INCOMPLETE),
        ("I want to fly", Expectation.PLACE, Completeness.INCOMPLETE),
    ],
)
def test_half_an_answer_is_incomplete(text: str, expectation: Expectation, judged: Completeness) -> None:
    assert completeness(text, expectation) is judged


@settings(deadline=None)
@given(st.text(max_size=120), st.sampled_from(Expectation))
def test_any_text_is_judged(text: str, expectation: Expectation) -> None:
    assert completeness(text, expectation) in Completeness
