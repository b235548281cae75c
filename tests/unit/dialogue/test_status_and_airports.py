"""Questions about flight status and about airports."""

from __future__ import annotations

from datetime import UTC, date, datetime
from typing import TYPE_CHECKING

import pytest
from readback.conversation.v1 import entry_pb2

from agent.dialogue.tools import DateBeyondHorizon, ToolUnavailable
from agent.language.en.phrases import phrases
from agent.language.meanings import Expectation

if TYPE_CHECKING:
    from tests.unit.dialogue.doubles import Conversation, Timetable

pytestmark = pytest.mark.unit

EARLY = datetime(2026, 11, 23, 0, 30, tzinfo=UTC)
"""Six in the morning in Chennai, before the first flight."""


async def test_status_by_number(conversation: Conversation, timetable: Timetable) -> None:
    answer = await conversation.say("is A I five four two on time", now=EARLY)
    assert answer.startswith(
        "Air India five four two is on time: it leaves Chennai at six fifteen in the morning and arrives "
        "in Delhi at nine"
    )
    assert timetable.statuses == [("AI542", None)]
    assert conversation.tool
    assert conversation.finished
    assert conversation.tool.name == "flight_status"
    assert conversation.finished.outcome == entry_pb2.TOOL_OUTCOME_FOUND
    assert conversation.finished.flight_status.statuses[0].flight_number == "AI542"


@pytest.mark.parametrize(
    ("state", "words"),
    [
        (
            "SCHEDULED",
            "is scheduled to leave Chennai today, Monday the twenty-third, at six fifteen in the morning, "
            "and to arrive in Delhi at nine",
        ),
        (
            "DELAYED",
            "is forty minutes late: it is now expected to leave Chennai at six fifty five in the morning",
        ),
        ("EN_ROUTE", "is in the air. It is expected in Delhi at nine in the morning"),
        ("LANDED", "has landed in Delhi. It was expected at nine in the morning"),
        (
            "CANCELLED",
            "Air India five four two today, Monday the twenty-third, from Chennai to Delhi, has been "
            "cancelled.",
        ),
        (
            "DIVERTED",
            "Air India five four two today, Monday the twenty-third, from Chennai to Delhi, has been "
            "diverted. I don't know where to.",
        ),
        ("UNSPECIFIED", "I don't know how Air India five four two is doing"),
    ],
)
async def test_every_state_has_its_words(
    conversation: Conversation, timetable: Timetable, state: str, words: str
) -> None:
    timetable.state = f"FLIGHT_STATE_{state}"
    assert words in await conversation.say("status of AI 542", now=EARLY)


async def test_number_is_asked_for_and_taken(conversation: Conversation) -> None:
    assert (await conversation.say("is my flight late")).startswith("What's the flight number?")
    assert conversation.dialogue.expectation() is Expectation.FLIGHT_NUMBER
    assert "IndiGo two three four is on time" in await conversation.say("six E two three four")


async def test_unknown_flight_is_never_made_up(conversation: Conversation) -> None:
    answer = await conversation.say("is Indigo 999 on time")
    assert (
        answer
        == "I can't find a flight IndiGo nine nine nine today, Monday the twenty-third. What's the flight "
        "number again?"
    )
    assert conversation.finished
    assert conversation.finished.outcome == entry_pb2.TOOL_OUTCOME_FLIGHT_NOT_FOUND


async def test_day_is_passed_on(conversation: Conversation, timetable: Timetable) -> None:
    await conversation.say("is AI 542 on time tomorrow")
    assert timetable.statuses == [("AI542", date(2026, 11, 24))]


async def test_named_day_applies_to_the_number_asked_for(
    conversation: Conversation, timetable: Timetable
) -> None:
    assert (await conversation.say("is my flight on time tomorrow")).startswith("What's the flight number?")
    answer = await conversation.say("AI 542")
    assert timetable.statuses == [("AI542", date(2026, 11, 24))]
    assert answer.startswith(
        "Air India five four two is on time tomorrow, Tuesday the twenty-fourth: it leaves Chennai at six "
        "fifteen"
    )


async def test_named_day_applies_to_the_number_asked_for_again(
    conversation: Conversation, timetable: Timetable
) -> None:
    assert "tomorrow" in await conversation.say("status of AI 999 tomorrow")
    assert "What's the flight number" in await conversation.say("mumble mumble")
    assert "tomorrow" in await conversation.say("AI 998")
    await conversation.say("AI 542")
    assert timetable.statuses == [(number, date(2026, 11, 24)) for number in ("AI999", "AI998", "AI542")]


async def test_day_in_the_answer_replaces_the_named_day(
    conversation: Conversation, timetable: Timetable
) -> None:
    await conversation.say("is my flight on time tomorrow")
    await conversation.say("AI 542 on Friday")
    await conversation.say("AI 542")
    assert timetable.statuses == [("AI542", date(2026, 11, 27)), ("AI542", None)]


async def test_named_day_applies_to_a_route_given_for_the_number(
    conversation: Conversation, timetable: Timetable
) -> None:
    await conversation.say("is my flight on time tomorrow")
    await conversation.say("I want the status of the flight from Chennai to Delhi")
    assert timetable.routes[0].date == date(2026, 11, 24)


async def test_day_beyond_the_timetable_is_reported(conversation: Conversation, timetable: Timetable) -> None:
    timetable.fail_with = DateBeyondHorizon(date(2027, 10, 19))
    assert (
        await conversation.say("is AI 542 on time")
        == "I know flights only until the nineteenth of October next year."
    )
    timetable.fail_with = DateBeyondHorizon()
    assert await conversation.say("is AI 542 on time") == "That's further ahead than I know flights."


async def test_flight_by_airline_points_at_one_that_was_found(
    conversation: Conversation, timetable: Timetable
) -> None:
    await conversation.say("flights from Chennai to Delhi tomorrow")
    await conversation.say("is the spicejet flight delayed")
    assert timetable.statuses == [("SG106", date(2026, 11, 24))]


async def test_question_that_was_open_is_asked_again_after_an_aside(conversation: Conversation) -> None:
    await conversation.say("flights from Chennai to Delhi")
    answer = await conversation.say("is AI 542 on time")
    assert answer.endswith("Which day would you like to fly?")
    assert "There are five flights from Chennai to Delhi tomorrow" in await conversation.say("tomorrow")


@pytest.mark.parametrize(
    ("question", "answer"),
    [
        ("which airport is in Goa", "Goa Airport serves Goa in India. It's noon on Monday in Goa."),
        ("what's the airport code for Kochi", "The code of Kochi Airport is C O K."),
        (
            "what is the airport code for London",
            "London has two airports, and the code for all of them is L O N.",
        ),
        (
            "what airports does London have",
            "London has two airports. The busiest is Heathrow Airport. "
            "It's six thirty in the morning on Monday in London.",
        ),
        ("what time is it in Singapore", "It's two thirty in the afternoon on Monday in Singapore."),
        ("how high is Leh airport above sea level", "Leh Airport lies fifty-two feet above sea level."),
    ],
)
async def test_airport_questions(conversation: Conversation, question: str, answer: str) -> None:
    assert await conversation.say(question) == answer
    assert conversation.tool
    assert conversation.tool.name == "get_airport"


async def test_airport_is_asked_for_and_taken(conversation: Conversation) -> None:
    assert await conversation.say("what's the airport code") == "Which airport or city do you mean?"
    assert "Goa" in await conversation.say("Goa")


async def test_a_flight_is_found_by_its_route_and_about_when(
    conversation: Conversation, timetable: Timetable
) -> None:
    answer = await conversation.say("is the evening flight from Chennai to Delhi on time")
    (request,) = timetable.routes
    assert (request.origin, request.destination, request.date) == ("MAA", "DEL", None)
    assert request.near
    assert request.near.hour in range(17, 22)
    assert answer.startswith("This is the flight from Chennai to Delhi today, Monday the twenty-third.")
    assert "Air India five six zero at six forty five in the evening is on time." in answer


async def test_without_a_time_the_first_flights_of_a_route_are_read_out(
    conversation: Conversation, timetable: Timetable
) -> None:
    timetable.state = "FLIGHT_STATE_DELAYED"
    answer = await conversation.say("are flights from Chennai to Delhi delayed tomorrow")
    assert answer.startswith(
        "These are the first three flights from Chennai to Delhi tomorrow, Tuesday the twenty-fourth."
    )
    assert answer.count("is forty minutes late.") == 3
    assert timetable.routes[0].date == date(2026, 11, 24)


async def test_a_route_without_flights_is_reported(conversation: Conversation, timetable: Timetable) -> None:
    timetable.empty_routes.add("GOI")
    answer = await conversation.say("is the flight from Chennai to Goa on time")
    assert answer.startswith("I know of no flights from Chennai to Goa today")


async def test_unavailable_route_status_is_reported(conversation: Conversation, timetable: Timetable) -> None:
    timetable.fail_with = ToolUnavailable()
    assert "couldn't reach" in await conversation.say("is the flight from Chennai to Delhi on time")


async def test_only_the_named_airlines_flights_of_a_route_are_read_out(conversation: Conversation) -> None:
    answer = await conversation.say("is the IndiGo flight from Chennai to Delhi on time")
    assert "IndiGo two three four at nine thirty in the morning is on time." in answer
    assert "Air India" not in answer


async def test_a_route_without_flights_of_an_airline_differs_from_one_without_flights(
    conversation: Conversation,
) -> None:
    answer = await conversation.say("is the Emirates flight from Chennai to Delhi on time")
    assert answer == "I know of no Emirates flights from Chennai to Delhi today, Monday the twenty-third."


async def test_an_unknown_delay_on_a_route_is_not_called_zero(
    conversation: Conversation, timetable: Timetable
) -> None:
    timetable.state, timetable.late = "FLIGHT_STATE_DELAYED", 0
    answer = await conversation.say("are flights from Chennai to Delhi delayed tomorrow")
    assert "Air India five four two at six fifteen in the morning is delayed." in answer


@pytest.mark.parametrize(
    "words",
    [
        "when will my flight land",
        "where is my Air India flight",
        "at what time am I boarding",
        "what's the latest on my flight",
        "tell me when my plane is supposed to take off",
        "what is my flight's ETA",
    ],
)
async def test_status_without_a_number_asks_for_it(conversation: Conversation, words: str) -> None:
    assert await conversation.say(words) == phrases()["ask_flight_number"]
    assert conversation.tool is None
