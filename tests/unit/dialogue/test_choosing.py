"""Pointing at flights that were found: by number, price, airline or time."""

from __future__ import annotations

from datetime import date
from typing import TYPE_CHECKING

import pytest

from agent.language.en.choices import find_choice
from agent.language.meanings import Choice

if TYPE_CHECKING:
    from tests.unit.dialogue.doubles import Conversation, Timetable

pytestmark = pytest.mark.unit


@pytest.mark.parametrize(
    ("words", "flight"),
    [
        ("the first one", "Air India five four two"),
        ("the second", "IndiGo two three four"),
        ("option three", "SpiceJet one zero six"),
        ("number two please", "IndiGo two three four"),
        ("the last one", "SpiceJet one zero six"),
        ("the cheapest one", "SpiceJet one zero six"),
        ("which one is the cheapest", "SpiceJet one zero six"),
        ("the earliest flight", "Air India five four two"),
        ("the latest one", "IndiGo seven seven seven"),
        ("the Indigo one", "IndiGo two three four"),
        ("the nine thirty one", "IndiGo two three four"),
        ("the 6:15 one", "Air India five four two"),
        ("tell me more about the third one", "SpiceJet one zero six"),
        ("the fifth one", "IndiGo seven seven seven"),
    ],
)
async def test_details_of_a_chosen_flight_are_told(
    conversation: Conversation, words: str, flight: str
) -> None:
    await conversation.say("flights from Chennai to Delhi tomorrow")
    answer = await conversation.say(words)
    assert answer.startswith(f"{flight} leaves Chennai at")
    assert "It takes two hours and forty-five minutes." in answer


async def test_details_name_times_and_price_and_what_cannot_be_done(conversation: Conversation) -> None:
    await conversation.say("flights from Chennai to Delhi tomorrow")
    answer = await conversation.say("the last one")
    assert answer == (
        "SpiceJet one zero six leaves Chennai at one in the afternoon and arrives in Delhi at three forty "
        "five in the afternoon. "
        "It takes two hours and forty-five minutes. It costs four thousand one hundred rupees. "
        "I can't book it yet, but I can check whether it's on time."
    )
    assert "book" not in await conversation.say("the first one")


async def test_flight_chosen_can_be_asked_about(conversation: Conversation) -> None:
    await conversation.say("flights from Chennai to Delhi tomorrow")
    await conversation.say("the second one")
    assert "IndiGo two three four is on time" in await conversation.say("is it on time")
    assert "Air India five four two is on time" in await conversation.say("is the first one on time")


async def test_a_time_selects_the_flight_to_detail(conversation: Conversation) -> None:
    await conversation.say("flights from Chennai to Delhi tomorrow")
    answer = await conversation.say("tell me about the Air India one at 18:45")
    assert answer.startswith("Air India five six zero leaves Chennai at six forty five in the evening")


@pytest.mark.parametrize(
    ("words", "flight"),
    [
        ("is the Air India one at 18:45 on time", "AI560"),
        ("is the Air India one on time", "AI542"),
        ("is the Air India flight in the evening delayed", "AI560"),
        ("is the flight at 18:45 on time", "AI560"),
        ("is the Indigo one at 9 30 in the morning on time", "6E234"),
    ],
)
async def test_a_time_selects_one_of_an_airlines_flights(
    conversation: Conversation, timetable: Timetable, words: str, flight: str
) -> None:
    await conversation.say("flights from Chennai to Delhi tomorrow")
    await conversation.say(words)
    assert timetable.statuses == [(flight, date(2026, 11, 24))]


async def test_a_flight_that_no_airline_flies_then_is_not_another_one(
    conversation: Conversation, timetable: Timetable
) -> None:
    await conversation.say("flights from Chennai to Delhi tomorrow")
    assert (await conversation.say("is the Air India one at 15:00 on time")).startswith(
        "What's the flight number?"
    )
    assert timetable.statuses == []


@pytest.mark.parametrize("words", ["is it on time", "is it on time tomorrow evening"])
async def test_the_flight_talked_about_is_meant_whatever_time_is_said(
    conversation: Conversation, timetable: Timetable, words: str
) -> None:
    await conversation.say("flights from Chennai to Delhi tomorrow")
    await conversation.say("the Spicejet one")
    await conversation.say(words)
    assert timetable.statuses == [("SG106", date(2026, 11, 24))]


async def test_missing_option_is_reported(conversation: Conversation) -> None:
    await conversation.say("flights from Chennai to Delhi tomorrow")
    assert (
        await conversation.say("the seventh one")
        == "I have only five to choose from. Which one would you like to hear more about?"
    )
    assert (
        await conversation.say("the Emirates one")
        == "None of them fits that. Which one would you like to hear more about?"
    )


async def test_best_of_more_flights_than_are_known_is_searched_for(
    conversation: Conversation, timetable: Timetable
) -> None:
    timetable.most_results = 2
    await conversation.say("flights from Chennai to Delhi tomorrow")
    answer = await conversation.say("the cheapest one")
    assert timetable.searches[1].sort == "cheapest"
    assert "The cheapest leaves at one in the afternoon with SpiceJet" in answer


async def test_flights_that_were_not_listed_are_not_passed_over(
    conversation: Conversation, timetable: Timetable
) -> None:
    timetable.most_results = 2
    await conversation.say("flights from Chennai to Delhi tomorrow")
    assert (await conversation.say("more")).startswith(
        "There are three more flights that I haven't listed. Name a time of day or an airline"
    )


async def test_nothing_to_choose_from_starts_a_search(conversation: Conversation) -> None:
    answer = await conversation.say("the second one")
    assert answer.startswith("I haven't found any flights for you yet.")


@pytest.mark.parametrize(
    ("words", "choice"),
    [
        ("the second one", Choice(ordinal=2)),
        ("second option", Choice(ordinal=2)),
        ("the last", Choice(ordinal=-1)),
        ("the middle one", Choice(ordinal=2)),
        ("the one at 9 30 flight", None),
        ("the 6 pm flight", None),
        ("the fastest one", Choice(by="fastest")),
        ("flights to delhi", None),
        ("the second of december", None),
    ],
)
def test_choices_are_read_from_words(words: str, choice: Choice | None) -> None:
    found = find_choice(words)
    if choice is not None:
        assert found
        assert found.value == choice
    else:
        assert found is None or found.value.ordinal is None


WITHOUT_PRICE = ["flights from Chennai to Delhi tomorrow", "Delhi to Mumbai on Friday returning on Monday"]


@pytest.mark.parametrize("words", WITHOUT_PRICE)
async def test_flights_without_a_price_are_read_out_without_one(
    conversation: Conversation, timetable: Timetable, words: str
) -> None:
    timetable.knows_prices = False
    answer = await conversation.say(words)
    answer += await conversation.say("the first one")
    assert "Air India" in answer
    assert not any(word in answer for word in ("rupees", "cost", "cheap", "sold out", "price", " for "))


@pytest.mark.parametrize("words", WITHOUT_PRICE)
async def test_the_cheapest_of_flights_without_prices_needs_a_new_search(
    conversation: Conversation, timetable: Timetable, words: str
) -> None:
    timetable.knows_prices = False
    timetable.most_results = 100
    await conversation.say(words)
    timetable.knows_prices = True
    answer = await conversation.say("the cheapest one")
    assert timetable.searches[-1].sort == "cheapest"
    assert "The cheapest leaves" in answer
    assert "rupees" in answer


async def test_no_flight_is_called_the_cheapest_without_prices(
    conversation: Conversation, timetable: Timetable
) -> None:
    timetable.knows_prices = False
    answer = await conversation.say("the cheapest flight from Chennai to Delhi tomorrow")
    assert "None of my sources gives a price for them." in answer
    assert "The cheapest" not in answer
    assert "None of my sources gives a price for them." in await conversation.say("the cheapest one")
    assert len(timetable.searches) == 1
