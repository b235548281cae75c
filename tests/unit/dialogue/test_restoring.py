"""A new call in the same conversation continues the last search."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from readback.conversation.v1 import entry_pb2

from agent.dialogue.restoring import restored_state
from agent.dialogue.state import DialogueState
from tests.unit.dialogue.doubles import NOW, Conversation, ExactGazetteer, Timetable

pytestmark = pytest.mark.unit


def through_the_log(conversation: Conversation) -> tuple[entry_pb2.ToolCall, entry_pb2.ToolResult]:
    started, finished = conversation.tool, conversation.finished
    assert started
    assert finished
    call = entry_pb2.ToolCall.FromString(started.SerializeToString())
    return call, entry_pb2.ToolResult.FromString(finished.SerializeToString())


async def called_again(conversation: Conversation, timetable: Timetable) -> Conversation:
    return Conversation(ExactGazetteer(), timetable, restored_state([through_the_log(conversation)]))


async def test_new_call_takes_up_the_last_search(conversation: Conversation, timetable: Timetable) -> None:
    await conversation.say("flights from Chennai to Delhi tomorrow morning for two")
    again = await called_again(conversation, timetable)
    (opening,) = again.dialogue.opening(now=NOW)
    assert opening.text == (
        "Welcome back. We were looking at flights from Chennai to Delhi tomorrow, Tuesday the "
        "twenty-fourth. What would you like to know?"
    )
    await again.say("what about the evening")
    before, after = timetable.searches
    assert (after.origin, after.destination, after.departure_date, after.adults) == (
        "MAA",
        "DEL",
        before.departure_date,
        2,
    )


async def test_flights_found_before_can_still_be_pointed_at(
    conversation: Conversation, timetable: Timetable
) -> None:
    await conversation.say("flights from Chennai to Delhi tomorrow")
    again = await called_again(conversation, timetable)
    assert (await again.say("the second one")).startswith(
        "IndiGo two three four leaves Chennai at nine thirty in the morning"
    )


async def test_sample_is_mentioned_again_in_a_new_call(
    conversation: Conversation, timetable: Timetable
) -> None:
    await conversation.say("flights from Chennai to Delhi tomorrow")
    again = await called_again(conversation, timetable)
    assert "sample" in await again.say("what about Friday")


async def test_first_call_is_welcomed_plainly(conversation: Conversation) -> None:
    (opening,) = conversation.dialogue.opening(now=NOW)
    assert opening.text == "Hello, this is Readback. Where would you like to fly?"
    assert await conversation.say("say that again") == opening.text


SPOILED: dict[str, Callable[[entry_pb2.ToolCall, entry_pb2.ToolResult], object]] = {
    "no arguments": lambda call, _: call.ClearField("search_flights"),
    "no day": lambda call, _: call.search_flights.legs[0].ClearField("departure_date"),
    "an order of a later release": lambda call, _: setattr(call.search_flights, "sort", 99),
    "no places": lambda call, _: call.ClearField("places"),
    "an error": lambda _, result: result.error.SetInParent(),
    "another tool": lambda _, result: result.flight_status.SetInParent(),
    "no segments": lambda _, result: result.search_flights.results.itineraries[0].ClearField("segments"),
    "an unknown itinerary": lambda _, result: result.search_flights.results.journeys.add(
        itinerary_ids=["x", "y"]
    ),
    "three ways": lambda _, result: result.search_flights.results.journeys.add(itinerary_ids=["x"] * 3),
}


@pytest.mark.parametrize("how", SPOILED)
async def test_searches_that_can_not_be_read_are_skipped(conversation: Conversation, how: str) -> None:
    await conversation.say("flights from Chennai to Delhi tomorrow")
    call, result = through_the_log(conversation)
    SPOILED[how](call, result)
    assert restored_state([(call, result)]) == DialogueState()
