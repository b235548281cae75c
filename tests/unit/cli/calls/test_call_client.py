"""The report of a turn: words of both sides, tools, and times; and the protocol names of LiveKit."""

import asyncio
import json
import time
from typing import Any, cast

import numpy as np
import pytest
from livekit.agents import types

from agent.speech.audio import STT_RATE
from cli.calls import call_client
from cli.calls.call_client import CallClient, CallFailed
from cli.calls.earpiece import Earpiece
from cli.calls.microphone import Microphone

pytestmark = pytest.mark.unit

ME, AGENT = "caller", "agent"


class Participant:
    """A participant."""

    identity = ME


class Room:
    """A room without other participants."""

    local_participant = Participant()
    remote_participants: dict[str, Any] = {}  # noqa: RUF012 - always empty


class Stream:
    """A complete text stream."""

    def __init__(self, topic: str, text: str, **attributes: str) -> None:
        self.info = cast("Any", type("Info", (), {"topic": topic, "attributes": attributes}))
        self._text = text

    async def read_all(self) -> str:
        return self._text


def _caption(segment: str, text: str, *, final: bool) -> Stream:
    return Stream(
        "lk.transcription", text, **{"lk.segment_id": segment, "lk.transcription_final": str(final).lower()}
    )


@pytest.fixture
async def caller() -> CallClient:
    return CallClient(cast("Any", Room()))


async def _read(caller: CallClient, *streams: tuple[Stream, str]) -> None:
    for stream, identity in streams:
        await caller._read(cast("Any", stream), identity)


async def test_both_sides_of_a_turn_are_kept_apart(caller: CallClient) -> None:
    caller._begin()
    await _read(
        caller,
        (_caption("1", "Show", final=False), ME),
        (_caption("1", "Show flights.", final=True), ME),
        (_caption("2", "There are six.", final=True), AGENT),
    )
    report = caller._report("show flights", time.monotonic())
    assert (report.said, report.heard, report.reply, report.interims) == (
        "show flights",
        "Show flights.",
        "There are six.",
        1,
    )
    assert report.first_audio_ms is None


async def test_only_captions_that_came_while_speaking_count_as_interims(caller: CallClient) -> None:
    caller._begin()
    await _read(caller, (_caption("1", "Show", final=False), ME))
    spoke_until = time.monotonic()
    await _read(caller, (_caption("1", "Show flights", final=False), ME))
    assert caller._report("", spoke_until).interims == 1


async def test_the_tail_of_the_turn_before_is_not_taken_for_an_answer(caller: CallClient) -> None:
    caller._begin()
    await _read(caller, (_caption("1", "There are", final=False), AGENT))
    caller._begin()
    await _read(
        caller,
        (_caption("1", "There are six.", final=True), AGENT),
        (_caption("2", "Sure.", final=True), AGENT),
    )
    assert caller._report("", 0.0).reply == "Sure."


async def test_tools_belong_to_their_turn(caller: CallClient) -> None:
    tool = {"tool_call_id": "1", "name": "search_flights"}
    message = {
        "tool_call": tool | {"search_flights": {"legs": [{"origin": "MAA"}]}},
        "tool_result": tool
        | {"outcome": "TOOL_OUTCOME_FOUND", "search_flights": {"done": {"result_count": 6}}},
    }
    await _read(caller, (Stream("readback.tools", json.dumps(message)), AGENT))
    (use,) = caller._report("", None).tools
    assert (use.call.name, use.outcome) == ("search_flights", "FOUND")
    assert use.arguments == {"legs": [{"origin": "MAA"}]}
    assert use.result.search_flights.done.result_count == 6
    caller._begin()
    assert caller._report("", None).tools == []


async def test_waiting_ends_with_a_reason(caller: CallClient) -> None:
    with pytest.raises(CallFailed, match="no agent came within"):
        await caller.wait_for_greeting(0.1)


async def test_waiting_ends_too_when_something_comes_in_at_the_last_moment(caller: CallClient) -> None:
    loop = asyncio.get_running_loop()
    loop.call_later(0.12, caller._changed.set)
    loop.call_later(0.11, time.sleep, 0.04)  # the event and the timeout fall into one turn of the loop
    with pytest.raises(CallFailed, match="no agent came within"):
        await caller.wait_for_greeting(0.13)


async def test_a_room_that_closes_ends_the_waiting(caller: CallClient) -> None:
    waiting = asyncio.create_task(caller.wait_for_greeting(60))
    await asyncio.sleep(0)
    caller._disconnected(5)
    caller._ended_at -= 60
    with pytest.raises(CallFailed, match="the call ended: the room closed"):
        await asyncio.wait_for(waiting, 5)


async def test_the_microphone_says_when_the_last_loud_sample_left() -> None:
    microphone = Microphone()
    clock = asyncio.create_task(microphone._run())
    speech = np.concatenate((np.full(STT_RATE // 5, 8000, np.int16), np.zeros(STT_RATE // 5, np.int16)))
    began = time.monotonic()
    last_loud = await asyncio.wait_for(microphone.speak(speech), 10)
    assert last_loud - began >= 0.15
    assert time.monotonic() - last_loud >= 0.15
    clock.cancel()
    await microphone.close()


def test_the_earpiece_separates_loud_from_quiet() -> None:
    changes: list[None] = []
    earpiece = Earpiece(lambda: changes.append(None))
    earpiece._take(np.full(240, 100, np.int16))
    assert earpiece.first_loud is None
    earpiece._take(np.full(240, 5000, np.int16))
    first = earpiece.first_loud
    assert first is not None
    earpiece._take(np.full(240, 5000, np.int16))
    assert earpiece.first_loud == first
    earpiece.reset_first_loud()
    assert earpiece.first_loud is None
    assert len(earpiece.recording()) == 720
    assert len(changes) == 3
    assert earpiece.quiet_for < 5


@pytest.mark.parametrize(
    "name",
    [
        "ATTRIBUTE_AGENT_STATE",
        "ATTRIBUTE_TRANSCRIPTION_FINAL",
        "ATTRIBUTE_TRANSCRIPTION_SEGMENT_ID",
        "TOPIC_CHAT",
        "TOPIC_TRANSCRIPTION",
    ],
)
def test_protocol_names_are_those_of_the_framework(name: str) -> None:
    assert getattr(call_client, name) == getattr(types, name)
