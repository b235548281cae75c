"""The dialogue's memory, and the answers that open questions expect."""

from __future__ import annotations

from datetime import UTC, date, datetime, time

import pytest

from agent.dialogue.flows.answers import _ON_NO, _ON_YES
from agent.dialogue.frames import Intent
from agent.dialogue.policy import _FLOWS
from agent.dialogue.state import About, DialogueState, Draft, Question
from agent.language.days import CalendarDay, DaysAhead
from agent.language.meanings import Completeness, Expectation, TimeWindow
from tests.unit.dialogue.doubles import NOW, PLACES, Conversation

pytestmark = pytest.mark.unit


def test_every_intent_has_a_flow() -> None:
    assert set(_FLOWS) == set(Intent)


def test_every_yes_no_question_knows_what_yes_and_no_lead_to() -> None:
    asked = {about for about in About if Question(about, "?").expectation is Expectation.YES_NO}
    # A no to "which day would you like to come back?" means no return flight.
    assert asked == set(_ON_YES) == set(_ON_NO) - {About.RETURN_DATE}


@pytest.mark.parametrize(
    ("about", "expectation"),
    [
        (About.ORIGIN, Expectation.PLACE),
        (About.AIRPORT, Expectation.PLACE),
        (About.DATE, Expectation.DATE),
        (About.FLIGHT_NUMBER, Expectation.FLIGHT_NUMBER),
        (About.CONFIRM_PLACE, Expectation.YES_NO),
        (About.PASSENGERS, Expectation.NONE),
    ],
)
def test_questions_await_their_kind_of_answer(about: About, expectation: Expectation) -> None:
    assert Question(about, "?").expectation is expectation


def test_day_of_departure_is_that_of_the_origin() -> None:
    late = datetime(2026, 11, 23, 21, 30, tzinfo=UTC)
    tomorrow = Draft(depart=DaysAhead(1))
    assert tomorrow.day_on(late, "Asia/Kolkata") == date(2026, 11, 25)
    assert Draft(depart=DaysAhead(1), origin=PLACES["SFO"]).day_on(late, "Asia/Kolkata") == date(2026, 11, 24)


def test_impossible_or_unknown_day_is_none() -> None:
    assert Draft().day_on(NOW, "Asia/Kolkata") is None
    assert Draft(depart=CalendarDay(31, 2)).day_on(NOW, "Asia/Kolkata") is None
    assert Draft(depart=DaysAhead(10**9)).day_on(NOW, "Asia/Kolkata") is None


def test_wishes_are_what_rules_flights_out() -> None:
    assert not Draft(sort="cheapest", cabin="business", passengers=3).has_wishes
    for wished in (
        Draft(window=TimeWindow(time(5))),
        Draft(arrival=TimeWindow(time(5))),
        Draft(airline="AI"),
        Draft(airlines=("AI", "6E")),
        Draft(nonstop=True),
    ):
        assert wished.has_wishes
        assert not wished.without_wishes().has_wishes
    assert Draft(without_airlines=("AI",)).has_wishes
    assert Draft(arrival=TimeWindow(time(5))).has_only_time_wishes
    assert not Draft(arrival=TimeWindow(time(5)), airline="AI").has_only_time_wishes


def test_nothing_is_searched_before_both_ends_are_known() -> None:
    state = DialogueState()
    assert not state.searched
    state.draft = Draft(origin=PLACES["MAA"], destination=PLACES["DEL"])
    assert state.searched
    state.drafting = True
    assert not state.searched


async def test_dialogue_judges_by_its_own_open_question(conversation: Conversation) -> None:
    assert conversation.dialogue.completeness("Mumbai") is Completeness.UNKNOWN
    await conversation.say("I want to fly to Goa")
    assert conversation.dialogue.completeness("Mumbai") is Completeness.COMPLETE
