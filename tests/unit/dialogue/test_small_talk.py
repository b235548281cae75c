"""Greetings, help, repetition, thanks and goodbye; and answers to requests out of scope."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from agent.language.en.cues import topic_out_of_scope
from agent.language.en.phrases import phrases
from agent.language.meanings import Expectation

if TYPE_CHECKING:
    from tests.unit.dialogue.doubles import Conversation

pytestmark = pytest.mark.unit


@pytest.mark.parametrize("words", ["hello", "Hi there!", "good morning", "hey there good evening", "namaste"])
async def test_greeting_is_returned(conversation: Conversation, words: str) -> None:
    assert (await conversation.say(words)).startswith("Hello.")


async def test_greeting_with_a_request_is_answered_as_the_request(conversation: Conversation) -> None:
    assert "There are five flights" in await conversation.say(
        "Hello, flights from Chennai to Delhi tomorrow please"
    )


async def test_help_explains_what_to_say(conversation: Conversation) -> None:
    answer = await conversation.say("what can you do")
    assert "For example, say: flights from Chennai to Delhi tomorrow morning." in answer


async def test_help_during_a_question_repeats_it(conversation: Conversation) -> None:
    await conversation.say("flights from Chennai to Delhi")
    assert (await conversation.say("help")).endswith("Which day would you like to fly?")
    assert conversation.dialogue.expectation() is Expectation.DATE


@pytest.mark.parametrize(
    "words",
    [
        "repeat that",
        "say that again please",
        "what did you say",
        "pardon",
        "I didn't catch that, could you repeat it",
    ],
)
async def test_repetition_is_word_for_word(conversation: Conversation, words: str) -> None:
    answer = await conversation.say("flights from Chennai to Delhi tomorrow")
    assert await conversation.say(words) == answer
    assert conversation.tool is None
    assert await conversation.say("once more") == answer


async def test_repeated_question_stays_open(conversation: Conversation) -> None:
    await conversation.say("flights from Chennai to Delhi")
    assert await conversation.say("say that again") == "Which day would you like to fly?"
    assert "tomorrow" in await conversation.say("tomorrow")


async def test_repetition_before_any_answer_is_explained(conversation: Conversation) -> None:
    assert (await conversation.say("repeat")).startswith("I haven't said anything yet.")


@pytest.mark.parametrize(
    "words", ["bye", "goodbye", "okay thank you bye", "that's all, thanks", "no that will be all"]
)
async def test_goodbye_ends_the_call(conversation: Conversation, words: str) -> None:
    assert await conversation.say(words) == "Goodbye, and have a good trip."
    assert conversation.ended


async def test_thanks_then_no_ends_the_call(conversation: Conversation) -> None:
    assert await conversation.say("thank you very much") == "You're welcome. Is there anything else?"
    assert not conversation.ended
    await conversation.say("no thanks")
    assert conversation.ended


async def test_thanks_then_yes_continues_the_call(conversation: Conversation) -> None:
    await conversation.say("thanks")
    assert await conversation.say("yes") == "What would you like to know?"


@pytest.mark.parametrize(
    ("words", "topic"),
    [
        ("book it", "booking"),
        ("book the second one for me", "booking"),
        ("I'll take the first one", "booking"),
        ("cancel my reservation", "cancelling"),
        ("I want a refund", "refunds"),
        ("change my flight to friday", "rebooking"),
        ("find me a hotel in Goa", "hotels"),
        ("book me a taxi", "cars"),
        ("are there trains to Madurai", "trains"),
        ("will it rain in Mumbai", "weather"),
        ("do I need a visa", "visas"),
        ("how much luggage may I take", "baggage"),
        ("I want a window seat", "seats"),
        ("can I get a vegetarian meal", "meals"),
        ("check in for my flight", "check_in"),
        ("how many miles do I have", "loyalty"),
        ("let me talk to a human", "human"),
        ("how is the traffic in Mumbai", "roads"),
        ("which way do I walk to the station on foot", "roads"),
        ("what's the exchange rate for dollars", "money"),
        ("tell my bank I'm going to Delhi", "money"),
        ("is it safe to travel to Goa", "destinations"),
        ("things to do in Bengaluru", "destinations"),
        ("which shots do I need for Mumbai", "visas"),
        ("a train ticket from Delhi to Mumbai", "trains"),
        ("how many bags can I take on a flight to Delhi", "baggage"),
        ("I lost my suitcase on a flight to Delhi", "lost_baggage"),
        ("what is my seat assignment for my flight", "seats"),
        ("where is my parcel, the order is late", "orders"),
        ("concert tickets for saturday", "events"),
        ("buy two tickets for the game in Mumbai", "events"),
        ("show me the best times to book flights", "advice"),
        ("how do airlines set their prices", "advice"),
        ("which day is cheapest to fly", "advice"),
        ("how early should I get to the airport", "advice"),
        ("do I have enough money for a trip to Goa", "advice"),
    ],
)
async def test_requests_out_of_scope_are_declined(conversation: Conversation, words: str, topic: str) -> None:
    assert topic_out_of_scope(words.lower()) == topic
    assert await conversation.say(words) == phrases()[f"topic_{topic}"]
    assert conversation.tool is None


@pytest.mark.parametrize(
    "words",
    [
        "what oil is best for frying",
        "what shows are on tonight",
        "remind me of the meeting tomorrow",
        "who won the match in Mumbai",
        "play the violin to me",
        "my favourite colour is blue",
        "how was your weekend",
        "how many days until christmas",
        "when will the next Delhi Mumbai match be",
        "she works in Singapore on mondays",
        "my flight simulator crashed",
        "can penguins fly",
        "i disagree with blurtown",
    ],
)
async def test_what_has_nothing_to_do_with_flights_starts_no_search(
    conversation: Conversation, words: str
) -> None:
    assert "didn't understand" in await conversation.say(words)
    assert conversation.tool is None


@pytest.mark.parametrize(
    ("words", "answer"),
    [
        ("I think that is true", phrases()["at_your_service"]),
        ("it was lovely talking to you", phrases()["farewell"]),
        ("I am so grateful", phrases()["thanks"]),
        ("how are you today", phrases()["hello_again"]),
        ("later gator", phrases()["farewell"]),
        ("later, thanks for chatting tomorrow", phrases()["farewell"]),
        ("peace out", phrases()["farewell"]),
        ("10-4", phrases()["at_your_service"]),
        ("thanks for all your help today", phrases()["thanks"]),
        ("happy new year", phrases()["hello_again"]),
    ],
)
async def test_manners_are_answered_in_any_words(conversation: Conversation, words: str, answer: str) -> None:
    assert await conversation.say(words) == answer


async def test_cancelled_flight_is_a_question_about_status(conversation: Conversation) -> None:
    assert "on time" in await conversation.say("has AI 542 been cancelled")


async def test_booking_a_journey_is_taken_as_looking_for_one(conversation: Conversation) -> None:
    assert "There are five flights" in await conversation.say("book a flight from Chennai to Delhi tomorrow")


async def test_offer_to_look_for_a_flight_instead_is_taken(conversation: Conversation) -> None:
    await conversation.say("find me a hotel in Goa")
    assert await conversation.say("yes") == "Where are you flying from?"
    await conversation.say("find me a hotel in Goa")
    assert await conversation.say("no") == "Is there anything else?"


async def test_every_topic_has_its_words() -> None:
    from agent.language.en.cues import TOPICS

    assert {f"topic_{topic}" for topic in TOPICS} <= set(phrases())
