"""Several requests in one utterance: the first is done, the second is remembered, and both are announced."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from agent.language.en.phrases import phrases

if TYPE_CHECKING:
    from tests.unit.dialogue.doubles import Conversation, Timetable

pytestmark = pytest.mark.unit

ANNOUNCED = phrases()["one_at_a_time"]
NEXT = phrases()["next_request"]
OFFER = phrases()["offer_next_request"]
BOTH = "find me a flight to Delhi on Friday and what's the status of AI 542"


def routes(timetable: Timetable) -> list[tuple[str, str, str]]:
    return [
        (search.origin, search.destination, search.departure_date.isoformat())
        for search in timetable.searches
    ]


async def test_the_second_waits_until_the_first_is_done(
    conversation: Conversation, timetable: Timetable
) -> None:
    assert await conversation.say(BOTH) == f"{ANNOUNCED} Where are you flying from?"
    assert timetable.statuses == []
    assert (await conversation.say("from Chennai")).endswith(OFFER)
    assert routes(timetable) == [("MAA", "DEL", "2026-11-27")]
    assert NEXT in await conversation.say("yes")
    assert timetable.statuses == [("AI542", None)]


async def test_a_short_answer_is_followed_by_the_second_at_once(
    conversation: Conversation, timetable: Timetable
) -> None:
    answer = await conversation.say("what's the status of AI 542 and find me a flight to Delhi on Friday")
    assert answer.startswith(f"{ANNOUNCED} Air India five four two is on time")
    assert answer.endswith(f"{NEXT} Where are you flying from?")
    await conversation.say("Chennai")
    assert routes(timetable) == [("MAA", "DEL", "2026-11-27")]


async def test_routes_and_days_of_two_searches_are_kept_apart(
    conversation: Conversation, timetable: Timetable
) -> None:
    await conversation.say("flights from Chennai to Delhi on friday and from Mumbai to Goa on sunday")
    await conversation.say("yes")
    assert routes(timetable) == [("MAA", "DEL", "2026-11-27"), ("BOM", "GOI", "2026-11-29")]


async def test_the_caller_may_hear_a_flight_before_the_second(
    conversation: Conversation, timetable: Timetable
) -> None:
    await conversation.say("find me a flight from Chennai to Delhi on Friday and is AI 560 on time")
    answer = await conversation.say("tell me about the second one")
    assert answer.startswith("IndiGo two three four")
    assert answer.endswith(OFFER)
    await conversation.say("yes")
    assert timetable.statuses == [("AI560", None)]


async def test_a_second_request_may_be_about_the_flights_of_the_first(
    conversation: Conversation, timetable: Timetable
) -> None:
    await conversation.say("flights from Chennai to Delhi on friday and is the first one on time")
    await conversation.say("yes")
    assert [number for number, _ in timetable.statuses] == ["AI542"]


async def test_what_cannot_be_done_is_declined_after_the_search(
    conversation: Conversation, timetable: Timetable
) -> None:
    await conversation.say("flights from Chennai to Delhi on friday and book me a hotel there")
    assert len(timetable.searches) == 1
    assert phrases()["topic_hotels"] in await conversation.say("yes")


async def test_three_requests_are_answered_in_order(conversation: Conversation, timetable: Timetable) -> None:
    answer = await conversation.say(
        "is AI 542 on time. And what time is it in Delhi? Also find flights from Chennai to Goa tomorrow"
    )
    assert answer.count(ANNOUNCED) == 1
    assert answer.count(NEXT) == 2
    assert answer.index("Air India five four two") < answer.index("in Delhi") < answer.index("to Goa")
    assert len(timetable.searches) == 1


async def test_after_three_requests_the_agent_asks_before_it_goes_on(
    conversation: Conversation, timetable: Timetable
) -> None:
    flights = ["AI542", "6E234", "SG106", "AI560", "6E777"]
    answer = await conversation.say(" and ".join(f"is {flight} on time" for flight in flights))
    assert answer.endswith(OFFER)
    assert [number for number, _ in timetable.statuses] == flights[:3]
    await conversation.say("yes")
    assert [number for number, _ in timetable.statuses] == flights


async def test_a_refused_second_request_is_forgotten(
    conversation: Conversation, timetable: Timetable
) -> None:
    await conversation.say("find me a flight from Chennai to Delhi on Friday and is AI 542 on time")
    assert await conversation.say("no") == "Is there anything else?"
    await conversation.say("yes")
    await conversation.say("flights from Mumbai to Goa tomorrow")
    assert timetable.statuses == []


async def test_a_goodbye_forgets_the_second_request(conversation: Conversation, timetable: Timetable) -> None:
    await conversation.say(BOTH)
    await conversation.say("bye")
    assert conversation.ended
    assert timetable.statuses == []


@pytest.mark.parametrize(
    "words",
    [
        "I want to fly to Delhi on friday. Can you find me the cheapest one from Chennai?",
        "find me a flight from Chennai to Delhi on Friday and book me an aisle seat",
        "flights from Chennai to Delhi on friday and I want to leave in the morning",
        "show me flights from Chennai and I want to go to Delhi on friday",
    ],
)
async def test_parts_of_one_request_stay_together(
    conversation: Conversation, timetable: Timetable, words: str
) -> None:
    assert ANNOUNCED not in await conversation.say(words)
    assert routes(timetable) == [("MAA", "DEL", "2026-11-27")]


async def test_wishes_kept_for_another_route_are_told(
    conversation: Conversation, timetable: Timetable
) -> None:
    await conversation.say("Chennai to Delhi tomorrow in business for two, the cheapest")
    answer = await conversation.say("flights to Mumbai")
    assert (
        "from Chennai to Mumbai tomorrow, Tuesday the twenty-fourth, in business class and for two" in answer
    )
    answer = await conversation.say("the same from Mumbai to Goa")
    assert "from Mumbai to Goa tomorrow, Tuesday the twenty-fourth, in business class and for two" in answer


async def test_a_wish_of_an_unfinished_request_is_told_with_the_next_route(
    conversation: Conversation,
) -> None:
    await conversation.say("nonstop business flights to Delhi")
    answer = await conversation.say("actually flights from Mumbai to Goa on friday")
    assert ", without a stop and in business class." in answer
