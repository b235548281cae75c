"""A new route with its own day is a new search; earlier wishes apply only if the caller refers to them."""

from __future__ import annotations

from datetime import date, time
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from tests.unit.dialogue.doubles import Conversation, Timetable

pytestmark = pytest.mark.unit

EARLIER = "Chennai to Goa tonight at 3 am nonstop for two"
"""No flight fits, so that the agent asks for another day."""


@pytest.fixture
async def asked_for_another_day(conversation: Conversation, timetable: Timetable) -> Conversation:
    timetable.empty_routes.add("GOI")
    assert (await conversation.say(EARLIER)).endswith("Which other day shall I try?")
    timetable.empty_routes.clear()
    assert timetable.searches[-1].nonstop
    return conversation


@pytest.mark.parametrize("words", ["Mumbai to Goa today", "flights from Mumbai to Goa tomorrow"])
async def test_wishes_of_another_route_do_not_apply(
    asked_for_another_day: Conversation, timetable: Timetable, words: str
) -> None:
    answer = await asked_for_another_day.say(words)
    search = timetable.searches[-1]
    assert (search.origin, search.destination, search.adults) == ("BOM", "GOI", 1)
    assert (search.nonstop, search.departure_time_from, search.departure_time_before) == (False, None, None)
    assert answer.startswith("There are five flights from Mumbai to Goa to")


async def test_another_destination_with_a_day_keeps_the_passengers_only(
    asked_for_another_day: Conversation, timetable: Timetable
) -> None:
    await asked_for_another_day.say("to Delhi tomorrow")
    search = timetable.searches[-1]
    assert (search.origin, search.destination, search.adults) == ("MAA", "DEL", 2)
    assert (search.nonstop, search.departure_time_from) == (False, None)


@pytest.mark.parametrize(
    "words",
    ["the same but from Mumbai to Goa tomorrow", "Mumbai to Goa tomorrow, and nonstop too", "tomorrow"],
)
async def test_wishes_that_the_caller_refers_to_apply_and_are_said(
    asked_for_another_day: Conversation, timetable: Timetable, words: str
) -> None:
    answer = await asked_for_another_day.say(words)
    search = timetable.searches[-1]
    assert (search.nonstop, search.adults) == (True, 2)
    assert search.departure_time_from == time(2)
    assert "between two at night and four in the morning" in answer
    assert "without a stop" in answer


async def test_wishes_are_said_even_if_there_are_no_flights_at_all(
    conversation: Conversation, timetable: Timetable
) -> None:
    timetable.empty_routes.add("GOI")
    assert "without a stop" in await conversation.say(EARLIER)


async def test_a_wish_that_came_before_the_route_applies_to_it(
    conversation: Conversation, timetable: Timetable
) -> None:
    await conversation.say("a nonstop flight to Delhi")
    await conversation.say("from Mumbai to Delhi tomorrow")
    assert timetable.searches[-1].nonstop


async def test_a_question_about_another_place_changes_only_the_place(
    conversation: Conversation, timetable: Timetable
) -> None:
    await conversation.say("Chennai to Delhi tomorrow nonstop")
    await conversation.say("what about to Mumbai on Friday")
    assert (timetable.searches[-1].destination, timetable.searches[-1].nonstop) == ("BOM", True)


@pytest.mark.parametrize("words", ["and back on the tenth", "returning the 10th", "and return on the tenth."])
async def test_the_day_of_return_is_no_choice_among_earlier_flights(
    conversation: Conversation, timetable: Timetable, words: str
) -> None:
    await conversation.say("Chennai to Delhi tomorrow")
    await conversation.say(f"Mumbai to Goa on the third of December {words}")
    assert timetable.searches[-1].return_date == date(2026, 12, 10)
    await conversation.say("what about on the fourth")
    assert timetable.searches[-1].departure_date == date(2026, 12, 4)
