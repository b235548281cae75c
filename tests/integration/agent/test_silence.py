"""Nothing fails silently: an answer without audio is shown and spoken again; a silent caller is asked."""

import asyncio
from collections.abc import Callable
from typing import Any

import pytest
from livekit import rtc
from livekit.rtc.participant import PublishTrackError
from readback.conversation.v1 import entry_pb2
from structlog.testing import capture_logs

from agent.call.caller_silence import TOPIC_TYPING
from agent.call.livekit_session import SpeechEngines
from agent.call_waits import CallWaits
from agent.speech.audio import Samples
from tests.integration.agent.placed_calls import AGENT, ANSWER, GREETING, Log, Place

pytestmark = [pytest.mark.integration, pytest.mark.timeout(120)]

TEXT, VOICE = entry_pb2.MODALITY_TEXT, entry_pb2.MODALITY_VOICE
SOON = CallWaits(first_audio=1.0)
ASKING = "Are you still there?"


class HangingVoice:
    """The real voice, which hangs on its first `hangs` clauses."""

    def __init__(self, engines: SpeechEngines, hangs: int) -> None:
        self._voice, self.hangs = engines.hibari, hangs

    async def speak(self, text: str) -> Samples:
        if self.hangs:
            self.hangs -= 1
            await asyncio.Event().wait()
        return await self._voice.speak(text)


def late_turns(logs: list[Any]) -> list[int]:
    return [event["expiries"] for event in logs if event["event"] == "turn without audio"]


def modalities(log: Log) -> dict[str, int]:
    """The agent's recorded texts, each with its modality."""
    return {
        entry["text"]: entry.get("modality", VOICE)
        for entry in log.sealed.values()
        if entry["speaker"] == AGENT
    }


async def test_a_typed_question_is_answered_in_writing_if_the_voice_hangs(
    place: Place, engines: SpeechEngines
) -> None:
    with capture_logs() as logs:
        async with place(
            waits=SOON, microphone=False, voice=HangingVoice(engines, 1000), greeted=False
        ) as call:
            await call.log.until(lambda: call.log.said(AGENT) == [GREETING])
            turn = await call.caller.type("flights to delhi", timeout=10)
            await call.log.until(lambda: call.log.said(AGENT) == [GREETING, ANSWER])
            assert not call.ending.done()
    assert turn.reply == ANSWER
    assert modalities(call.log) == {GREETING: TEXT, ANSWER: TEXT}
    assert late_turns(logs) == [1, 2, 1, 2]


async def test_a_spoken_question_is_answered_by_the_second_attempt_if_the_voice_hangs_once(
    place: Place, engines: SpeechEngines, spoken: Callable[[str], Samples]
) -> None:
    voice = HangingVoice(engines, 0)
    with capture_logs() as logs:
        async with place(waits=SOON, voice=voice) as call:
            voice.hangs = 1
            turn = await call.caller.speak(spoken("I want to fly from Boston to Denver on Friday."))
    assert turn.reply == ANSWER
    assert turn.first_audio_ms is not None
    assert modalities(call.log) == {GREETING: VOICE, ANSWER: VOICE}
    assert call.log.said(AGENT) == [GREETING, ANSWER]
    assert late_turns(logs) == [1]


async def test_an_agent_that_can_not_publish_its_voice_writes_and_leaves_the_call_to_another_agent(
    place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def failing(*_: Any) -> None:
        raise PublishTrackError("track publication timed out")

    monkeypatch.setattr(rtc.LocalParticipant, "publish_track", failing)
    async with place(waits=SOON, microphone=False, greeted=False) as call:
        typing = asyncio.create_task(call.caller.type("flights to delhi", timeout=10))
        assert await asyncio.wait_for(call.ending, 15) is None
        await typing
    outcomes = [entry[1].outcome for entry in call.log.entries if entry[0] == "result"]
    assert outcomes == [entry_pb2.TOOL_OUTCOME_EMPTY]
    assert modalities(call.log)[ANSWER] == TEXT


async def test_a_silent_caller_is_asked_and_then_the_call_ends(place: Place) -> None:
    async with place(waits=CallWaits(silence_question=1.5, silence_end=1.5), microphone=False) as call:
        assert await asyncio.wait_for(call.ending, 20) == entry_pb2.CALL_END_REASON_CUSTOMER_SILENT
    greeting, question, farewell = call.log.said(AGENT)
    assert (greeting, question) == (GREETING, ASKING)
    assert "end the call" in farewell


async def test_a_caller_who_types_is_not_silent(place: Place) -> None:
    async with place(waits=CallWaits(silence_question=1.5), microphone=False) as call:
        await call.log.until(lambda: call.log.said(AGENT) == [GREETING, ASKING])
        silent = asyncio.create_task(call.agent._silence.lasts(60))
        await call.caller._room.local_participant.publish_data(b"1", topic=TOPIC_TYPING)
        assert not await silent
        assert not call.ending.done()
