"""Travellers without a number are asked about, and the search waits for it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from tests.unit.dialogue.doubles import Conversation, Timetable

pytestmark = pytest.mark.unit

QUESTION = "How many of you are travelling?"


@pytest.mark.parametrize("party", ["for me and my kids", "for my family", "a few tickets"])
async def test_the_number_is_asked_for_before_the_search(
    conversation: Conversation, timetable: Timetable, party: str
) -> None:
    assert await conversation.say(f"Chennai to Delhi tomorrow, {party}") == QUESTION
    assert timetable.searches == []
    assert "for four" in await conversation.say("four")
    assert [search.adults for search in timetable.searches] == [4]


async def test_an_answer_may_name_the_people(conversation: Conversation, timetable: Timetable) -> None:
    await conversation.say("Chennai to Delhi tomorrow with my family")
    await conversation.say("me, my wife and two kids")
    assert timetable.searches[-1].adults == 4


async def test_an_answer_without_a_number_is_asked_about_again(
    conversation: Conversation, timetable: Timetable
) -> None:
    await conversation.say("Chennai to Delhi tomorrow with my family")
    assert await conversation.say("my wife and my kids") == QUESTION
    assert timetable.searches == []


async def test_a_party_named_after_a_search_is_counted_too(
    conversation: Conversation, timetable: Timetable
) -> None:
    await conversation.say("Chennai to Delhi tomorrow")
    assert await conversation.say("it's for me and my kids") == QUESTION
    await conversation.say("three of us")
    assert [search.adults for search in timetable.searches] == [1, 3]


async def test_a_new_search_forgets_an_uncounted_party(
    conversation: Conversation, timetable: Timetable
) -> None:
    await conversation.say("Chennai to Delhi tomorrow for my family")
    await conversation.say("actually, flights from Mumbai to Goa on friday for two")
    assert [(search.origin, search.adults) for search in timetable.searches] == [("BOM", 2)]
