"""Any input is answered with a sentence; nothing raises."""

from __future__ import annotations

from datetime import date, timedelta
from typing import TYPE_CHECKING

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from agent.dialogue.dialogue import Dialogue
from agent.dialogue.tools import (
    DateBeyondHorizon,
    DateInPast,
    PlaceUnknown,
    SamePlace,
    ToolRestricted,
    ToolUnavailable,
    ToolUsedUp,
)
from agent.dialogue.turn import Speech
from agent.language.meanings import Expectation
from tests.unit.dialogue.doubles import LAST_DATE, NOW, TODAY, Conversation, ExactGazetteer, Timetable

if TYPE_CHECKING:
    from collections.abc import Sequence

    from readback.flightdata.v1 import places_pb2

pytestmark = pytest.mark.unit


@pytest.mark.parametrize("words", ["", "   ", "...", "?!", "\n\t"])
async def test_silence_is_answered_with_an_example(conversation: Conversation, words: str) -> None:
    answer = await conversation.say(words)
    assert answer.startswith("Sorry, I didn't hear anything.")
    assert "flights from Chennai to Delhi tomorrow morning" in answer


@pytest.mark.parametrize(
    "words", ["uh", "hmm", "you", "the", "blah blah", "mara", "qwerty asdf", "the quick brown fox"]
)
async def test_noise_is_not_taken_for_a_request(conversation: Conversation, words: str) -> None:
    assert (await conversation.say(words)).startswith("Sorry, I didn't understand that.")
    assert conversation.tool is None


async def test_noise_while_a_question_is_open_asks_it_again(conversation: Conversation) -> None:
    await conversation.say("flights from Chennai to Delhi")
    assert (
        await conversation.say("blah") == "Sorry, I didn't understand that. Which day would you like to fly?"
    )
    assert conversation.dialogue.expectation() is Expectation.DATE


async def test_second_failure_in_a_row_explains_more(conversation: Conversation) -> None:
    await conversation.say("blah")
    assert "I can find flights, check a flight by its number" in await conversation.say("blah blah")
    await conversation.say("hello")
    assert (await conversation.say("blah")).startswith("Sorry, I didn't understand that.")


@pytest.mark.parametrize(
    "words",
    [
        "x" * 10_000,
        "flights " * 1250,
        "1" * 10_000,
        "to " * 3333,
        "no, " * 2500,
        "five " * 2000,
        "(" * 10_000,
        "a-" * 5000,
    ],
)
async def test_ten_thousand_characters_are_answered_briefly(conversation: Conversation, words: str) -> None:
    answer = await conversation.say(words)
    assert 0 < len(answer) < 500


async def test_long_request_is_understood_by_its_beginning(conversation: Conversation) -> None:
    assert "There are five flights from Chennai to Delhi" in await conversation.say(
        "flights from Chennai to Delhi tomorrow " + "please " * 1500
    )


@pytest.mark.parametrize(
    ("words", "answer"),
    [
        ("yes", "All right. Where would you like to fly, or which flight shall I check?"),
        ("no", "All right. Where would you like to fly, or which flight shall I check?"),
        ("Delhi", "Where are you flying from?"),
        ("tomorrow", "Where are you flying from?"),
    ],
)
async def test_one_word_out_of_context_gets_a_sensible_question(
    conversation: Conversation, words: str, answer: str
) -> None:
    assert await conversation.say(words) == answer


@pytest.mark.parametrize(
    ("day", "why"),
    [
        ("yesterday", "That day is already over; today is Monday the twenty-third of November."),
        ("the 31st of february", "That day isn't in the calendar."),
        ("in two years", "I know flights only until the nineteenth of October next year."),
    ],
)
async def test_impossible_day_is_explained_and_asked_again(
    conversation: Conversation, day: str, why: str
) -> None:
    assert await conversation.say(f"Chennai to Delhi {day}") == f"{why} Which day would you like to fly?"
    assert conversation.dialogue.expectation() is Expectation.DATE
    assert "There are five flights from Chennai to Delhi tomorrow" in await conversation.say("tomorrow")


async def test_last_day_of_the_timetable_can_be_asked_for(
    conversation: Conversation, timetable: Timetable
) -> None:
    await conversation.say(f"Chennai to Delhi in {(LAST_DATE - TODAY) // timedelta(days=1)} days")
    assert timetable.searches[0].departure_date == LAST_DATE


async def test_ten_passengers_are_offered_a_search_for_nine(
    conversation: Conversation, timetable: Timetable
) -> None:
    assert (
        await conversation.say("Chennai to Delhi tomorrow for 10 people")
        == "I can look for up to nine travellers at once. Shall I look for nine?"
    )
    assert not timetable.searches
    await conversation.say("yes")
    assert timetable.searches[0].adults == 9


async def test_fewer_passengers_are_asked_for_and_taken(
    conversation: Conversation, timetable: Timetable
) -> None:
    await conversation.say("Chennai to Delhi tomorrow for 12 people")
    assert await conversation.say("no") == "All right. How many of you are travelling?"
    await conversation.say("eight")
    assert timetable.searches[0].adults == 8


@pytest.mark.parametrize(
    ("error", "answer"),
    [
        (ToolUnavailable("down"), "I couldn't reach the flight data just now. Shall I try again?"),
        (ToolRestricted(), "My sources of flight data don't tell me that. Which other day shall I try?"),
        (ToolUsedUp(), "I've asked as much of my flight data as I may for now."),
        (ToolUsedUp(date(2026, 11, 23)), "I've asked as much of my flight data as I may for now."),
        (
            ToolUsedUp(date(2026, 12, 1)),
            "I've asked as much of my flight data as I may. I can ask again on Tuesday the first of "
            "December.",
        ),
        (RuntimeError("a bug"), "I couldn't reach the flight data just now. Shall I try again?"),
        (
            SamePlace("MAA"),
            "That would be from Chennai to Delhi, which is the same place. Where would you like to fly to "
            "from Chennai?",
        ),
        (
            PlaceUnknown("DEL"),
            "I don't know a place called Delhi. Where would you like to fly to from Chennai?",
        ),
        (
            DateInPast(date(2026, 11, 24)),
            "That day is already over; today is Tuesday the twenty-fourth of November. Which day would "
            "you like to fly?",
        ),
        (
            DateInPast(),
            "That day is already over; today is Monday the twenty-third of November. Which day would you "
            "like to fly?",
        ),
        (DateBeyondHorizon(), "That's further ahead than I know flights. Which day would you like to fly?"),
    ],
)
async def test_failed_search_is_reported_and_no_flight_made_up(
    conversation: Conversation, timetable: Timetable, error: Exception, answer: str
) -> None:
    timetable.fail_with = error
    assert await conversation.say("Chennai to Delhi tomorrow") == answer
    assert conversation.finished
    assert conversation.finished.WhichOneof("result") is None


async def test_search_is_tried_again_on_request(conversation: Conversation, timetable: Timetable) -> None:
    timetable.fail_with = ToolUnavailable("down")
    await conversation.say("Chennai to Delhi tomorrow")
    timetable.fail_with = None
    assert "There are five flights" in await conversation.say("yes")


@pytest.mark.parametrize(
    ("error", "answer"),
    [
        (ToolUnavailable("down"), "I couldn't reach the flight data just now."),
        (ToolRestricted(), "My sources of flight data don't tell me that."),
        (ToolUsedUp(), "I've asked as much of my flight data as I may for now."),
    ],
)
@pytest.mark.parametrize(
    "words", ["is AI 542 on time", "which airport is in Goa", "is the flight from Chennai to Delhi on time"]
)
async def test_other_tools_fail_as_softly(
    conversation: Conversation, timetable: Timetable, words: str, error: Exception, answer: str
) -> None:
    timetable.fail_with = error
    assert await conversation.say(words) == answer


async def test_failed_place_lookup_is_reported(timetable: Timetable) -> None:
    class Unreachable:
        async def annotate(self, text: str, *, home_country: str) -> Sequence[places_pb2.PlaceAnnotation]:
            raise ToolUnavailable("down")

    dialogue = Dialogue(Unreachable(), timetable)
    events = [event async for event in dialogue.respond("Chennai to Delhi tomorrow", now=NOW)]
    assert events == [Speech("I couldn't reach the flight data just now.")]


_VOCABULARY = """
yes no to from the and Chennai Delhi Goa cochin blurtown tomorrow friday the second one cheapest AI 542
six e two three four morning after 6 pm for ten people book cancel repeat help bye back not actually
what about nonstop airport code status 31 february 5/12 more option
"""
_WORDS = st.sampled_from(_VOCABULARY.split())


@settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.lists(
        st.one_of(st.text(max_size=60), st.lists(_WORDS, max_size=12).map(" ".join)), min_size=1, max_size=5
    )
)
async def test_no_conversation_raises_or_leaves_the_caller_in_silence(utterances: list[str]) -> None:
    conversation = Conversation(ExactGazetteer(), Timetable())
    for utterance in utterances:
        answer = await conversation.say(utterance)
        assert answer.strip()
        assert answer[0].isupper() or not answer[0].isalpha()
        assert "{" not in answer
        conversation.dialogue.completeness(utterance)
