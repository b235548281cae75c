"""The subject of a question decides how its answer is read."""

from __future__ import annotations

import pytest

from agent.language.en.questions import asked_by
from agent.language.meanings import Expectation

pytestmark = pytest.mark.unit


@pytest.mark.parametrize(
    ("question", "expectation", "subject"),
    [
        ("", "none", None),
        ("how many of you are travelling?", "none", "passengers"),
        ("where would you like to go?", "place", "destination"),
        ("where are you flying from?", "place", "origin"),
        ("which city are you leaving from?", "place", "origin"),
        ("which day would you like to fly?", "date", "date"),
        ("what date are you leaving?", "date", "date"),
        ("when would you like to come back?", "date", "return_date"),
        ("what is your return date?", "date", "return_date"),
        ("where to, and when would you like to leave?", "none", "several"),
        ("which class do you prefer?", "none", "cabin"),
        ("what is the flight number?", "flight_number", "flight_number"),
        ("shall i search for it?", "yes_no", None),
    ],
)
def test_a_question_tells_what_its_answer_is_about(
    question: str, expectation: str, subject: str | None
) -> None:
    assert asked_by(question) == (Expectation(expectation), subject)
