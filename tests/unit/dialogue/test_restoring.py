"""A new call in the same conversation continues the last search."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest
from google.protobuf.json_format import MessageToDict, ParseDict
from google.protobuf.struct_pb2 import Struct
from readback.flightdata.v1 import flights_pb2

from agent.dialogue.restoring import ToolRecord, restored_state
from agent.dialogue.state import DialogueState
from tests.unit.dialogue.doubles import NOW, Conversation, ExactGazetteer, Timetable

if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any

pytestmark = pytest.mark.unit


def through_the_transcript(data: Mapping[str, Any]) -> dict[str, Any]:
    """Return data as the log returns them: every number has become a double."""
    struct = Struct()
    struct.update(json.loads(json.dumps(data)))
    return MessageToDict(struct)


def record_of(conversation: Conversation) -> ToolRecord:
    started, finished = conversation.tool, conversation.finished
    assert started
    assert finished
    return ToolRecord(
        started.name,
        through_the_transcript(started.arguments),
        finished.outcome,
        through_the_transcript(finished.result),
    )


async def called_again(conversation: Conversation, timetable: Timetable) -> Conversation:
    return Conversation(ExactGazetteer(), timetable, restored_state([record_of(conversation)]))


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
    assert (after.origin, after.destination, after.depart_date, after.passengers) == (
        "MAA",
        "DEL",
        before.depart_date,
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


@pytest.mark.parametrize(
    "record",
    [
        ToolRecord("search_flights", {}, "FOUND", {}),
        ToolRecord("search_flights", {"depart_date": "nonsense"}, "FOUND", {"origin": {}, "destination": {}}),
        ToolRecord("search_flights", {"depart_date": "2026-11-24"}, "UNAVAILABLE", {}),
        ToolRecord("flight_status", {"flight_number": "AI542"}, "ON_TIME", {}),
        ToolRecord("unheard_of", {}, "FOUND", {"origin": 3}),
    ],
)
async def test_unreadable_records_are_skipped(record: ToolRecord) -> None:
    assert restored_state([record]) == DialogueState()


async def test_itineraries_in_the_transcript_are_the_contracts(conversation: Conversation) -> None:
    await conversation.say("flights from Chennai to Delhi tomorrow")
    assert conversation.finished
    for data in conversation.finished.result["itineraries"]:
        message = ParseDict(data, flights_pb2.Itinerary())
        assert message.segments[0].flight_number
        assert message.fare.total.currency_code == "INR"
