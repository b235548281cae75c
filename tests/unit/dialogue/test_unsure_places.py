"""An uncertain place is asked about, never guessed."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from agent.language.hearing import Expected, HeardPlace
from agent.language.meanings import Expectation
from tests.unit.dialogue.doubles import ExactGazetteer, Timetable

if TYPE_CHECKING:
    from tests.unit.dialogue.doubles import Conversation

pytestmark = pytest.mark.unit


async def test_unsure_place_is_confirmed_before_the_search(
    conversation: Conversation, timetable: Timetable
) -> None:
    assert (
        await conversation.say("flights from Chennai to cochin tomorrow")
        == "Did you mean Kochi in India, or Kochi in Japan?"
    )
    assert conversation.dialogue.expectation() is Expectation.YES_NO
    assert not timetable.searches
    assert "from Chennai to Kochi tomorrow" in await conversation.say("yes")


@pytest.mark.parametrize(
    "words",
    ["the second one", "the one in Japan", "the Japanese one", "Japan", "I meant Kochi in Japan, please"],
    ids=["ordinal", "one", "adjective", "bare", "whole"],
)
async def test_one_of_two_places_is_picked_by_its_turn_or_its_country(
    conversation: Conversation, timetable: Timetable, words: str
) -> None:
    await conversation.say("flights from Chennai to cochin tomorrow")
    assert "from Chennai to Kochi" in await conversation.say(words)
    assert timetable.searches[0].destination == "KCZ"


@pytest.mark.parametrize(
    "words", ["the one in Japan, tomorrow", "the second one, tomorrow", "Japan, and I leave tomorrow please"]
)
async def test_words_around_the_picked_place_are_kept(
    conversation: Conversation, timetable: Timetable, words: str
) -> None:
    await conversation.say("flights from Chennai to cochin")
    assert "from Chennai to Kochi tomorrow" in await conversation.say(words)
    assert timetable.searches[0].destination == "KCZ"


async def test_the_other_place_may_be_said_with_the_one_picked(
    conversation: Conversation, timetable: Timetable
) -> None:
    await conversation.say("I want to fly to cochin")
    answer = await conversation.say(
        "the one in Japan, from Mumbai on Friday in business class for two people"
    )
    assert "from Mumbai to Kochi on Friday" in answer
    (request,) = timetable.searches
    assert (request.origin, request.destination, request.cabin, request.adults) == (
        "BOM",
        "KCZ",
        "business",
        2,
    )


async def test_neither_of_two_places_is_asked_about_again(conversation: Conversation) -> None:
    await conversation.say("flights from Chennai to cochin tomorrow")
    assert await conversation.say("no") == "Where would you like to fly to from Chennai?"


async def test_second_guess_then_the_name_again(conversation: Conversation) -> None:
    assert await conversation.say("flights from Chennai to kochee tomorrow") == "Did you mean Kochi in India?"
    assert await conversation.say("no") == "Kochi in Japan, then?"
    assert await conversation.say("no") == "Where would you like to fly to from Chennai?"
    assert "from Chennai to Goa tomorrow" in await conversation.say("Goa")


async def test_yes_may_bring_more(conversation: Conversation) -> None:
    await conversation.say("flights from Chennai to cochin")
    assert "from Chennai to Kochi on Friday" in await conversation.say("yes, on Friday")


async def test_another_place_instead_of_yes_or_no_is_taken(conversation: Conversation) -> None:
    await conversation.say("flights from Chennai to cochin tomorrow")
    assert "from Chennai to Mumbai tomorrow" in await conversation.say("no, Mumbai")
    await conversation.say("flights from cochin to Delhi tomorrow")
    assert "from Pune to Delhi tomorrow" in await conversation.say("Pune")


async def test_two_unsure_places_are_asked_about_one_after_the_other(conversation: Conversation) -> None:
    assert (
        await conversation.say("from cochin to blurtown tomorrow")
        == "Did you mean Kochi in India, or Kochi in Japan?"
    )
    assert await conversation.say("yes") == "Did you mean Bengaluru in India?"
    assert "from Kochi to Bengaluru tomorrow" in await conversation.say("that's right")


async def test_unknown_place_is_repeated_to_the_caller(conversation: Conversation) -> None:
    answer = await conversation.say("fly to Xyzzyville from Chennai")
    assert answer == "I don't know a place called Xyzzyville. Where would you like to fly to from Chennai?"
    assert (
        await conversation.say("Frobnitz")
        == "I don't know a place called Frobnitz. Where would you like to fly to from Chennai?"
    )


async def test_same_place_twice_is_asked_about(conversation: Conversation, timetable: Timetable) -> None:
    answer = await conversation.say("flights from Delhi to Delhi tomorrow")
    assert answer.endswith("which is the same place. Where would you like to fly to from Delhi?")
    assert not timetable.searches
    assert "from Delhi to Goa tomorrow" in await conversation.say("Goa")


async def test_airport_and_its_own_city_are_the_same_place(conversation: Conversation) -> None:
    assert "the same place" in await conversation.say("from Heathrow to London tomorrow")


async def test_a_misrecognised_name_is_asked_about_only_once(conversation: Conversation) -> None:
    assert (
        await conversation.say("flights from Chennai to cochin tomorrow")
        == "Did you mean Kochi in India, or Kochi in Japan?"
    )
    assert "from Chennai to Kochi tomorrow" in await conversation.say("yes")
    assert "from Delhi to Kochi on Friday" in await conversation.say("flights from Delhi to cochin on Friday")


async def test_a_name_said_again_teaches_what_the_unknown_one_meant(conversation: Conversation) -> None:
    await conversation.say("fly to Xyzzyville from Chennai tomorrow")
    assert "from Chennai to Goa tomorrow" in await conversation.say("Goa")
    assert "from Delhi to Goa on Friday" in await conversation.say(
        "flights from Delhi to Xyzzyville on Friday"
    )


async def test_what_one_conversation_learned_is_not_known_in_the_next(conversation: Conversation) -> None:
    await conversation.say("flights from Chennai to cochin tomorrow")
    await conversation.say("yes")
    assert conversation.dialogue.state.learned["cochin"].code == "COK"
    again = type(conversation)(ExactGazetteer(), Timetable())
    assert (
        await again.say("flights from Chennai to cochin tomorrow")
        == "Did you mean Kochi in India, or Kochi in Japan?"
    )


@pytest.mark.parametrize(
    "words",
    [
        "with one stop in Mumbai",
        "by way of Mumbai",
        "via Mumbai",
        "through Mumbai",
        "changing in Mumbai",
        "with a layover in Mumbai",
    ],
)
async def test_a_place_to_change_at_is_neither_origin_nor_destination(
    conversation: Conversation, timetable: Timetable, words: str
) -> None:
    answer = await conversation.say(f"flights from Chennai to Delhi tomorrow {words}")
    assert "from Chennai to Delhi tomorrow" in answer
    assert "by way of Mumbai" in answer
    (request,) = timetable.searches
    assert (request.origin, request.destination, request.via, request.nonstop) == ("MAA", "DEL", "BOM", False)
    assert request.leg_arguments["via"] == "BOM"


async def test_without_a_stop_withdraws_the_place_to_change_at(
    conversation: Conversation, timetable: Timetable
) -> None:
    await conversation.say("flights from Chennai to Delhi tomorrow via Mumbai")
    await conversation.say("only nonstop")
    assert (timetable.searches[-1].via, timetable.searches[-1].nonstop) == ("", True)


KOCHI_OR_GOA = (HeardPlace("Kochi", 0.4, ("Goa",)),)


async def test_a_place_that_the_recogniser_is_unsure_of_is_asked_about_with_its_alternative(
    conversation: Conversation, timetable: Timetable
) -> None:
    question = await conversation.say("flights from Chennai to Kochi tomorrow", heard=KOCHI_OR_GOA)
    assert question == "Did you mean Kochi in India, or Goa in India?"
    assert not timetable.searches
    assert conversation.dialogue.expected() == Expected(
        Expectation.YES_NO, "IN", frozenset({"COK", "GOI"}), only_mentioned=True
    )
    assert "from Chennai to Goa" in await conversation.say("Goa")
    assert timetable.searches[0].destination == "GOI"


async def test_a_place_that_the_recogniser_is_sure_of_is_searched_at_once(
    conversation: Conversation, timetable: Timetable
) -> None:
    sure = (HeardPlace("Kochi", 2.0, ("Goa",)),)
    await conversation.say("flights from Chennai to Kochi tomorrow", heard=sure)
    assert timetable.searches[0].destination == "COK"


async def test_an_unsure_place_without_alternatives_is_confirmed(conversation: Conversation) -> None:
    answer = await conversation.say(
        "flights from Chennai to Kochi tomorrow", heard=(HeardPlace("Kochi", 0.4),)
    )
    assert answer == "Did you mean Kochi in India?"


async def test_a_name_that_was_heard_wrongly_once_keeps_its_meaning(
    conversation: Conversation, timetable: Timetable
) -> None:
    await conversation.say("flights from Chennai to Kochi tomorrow", heard=KOCHI_OR_GOA)
    await conversation.say("the second one")
    await conversation.say("flights from Chennai to Kochi tomorrow")
    assert [search.destination for search in timetable.searches] == ["GOI", "COK"]


async def test_places_of_the_search_are_expected_again(conversation: Conversation) -> None:
    await conversation.say("flights from Chennai to New York tomorrow")
    expected = conversation.dialogue.expected()
    assert expected.mentioned == {"MAA", "NYC", "JFK", "EWR", "LGA"}
    assert not expected.only_mentioned
