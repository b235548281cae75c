"""A call through a real LiveKit server: a real caller, the real speech engines, and a short dialogue."""

import asyncio
import uuid
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from typing import Any, cast

import numpy as np
import pytest
from livekit import api, rtc
from readback.conversation.v1 import conversation_service_pb2 as pb
from readback.conversation.v1 import entry_pb2

from agent.call.livekit_session import SpeechEngines
from agent.call.voice_call import VoiceCall
from agent.dialogue.turn import End, Event, Speech, ToolFinished, ToolStarted
from agent.language import ENGLISH
from agent.language.meanings import Completeness
from agent.recording.utterances import CustomerSpeech
from agent.speech.audio import STT_RATE, Samples, silence
from cli.calls.call_client import CallClient, CallFailed, ToolUse
from tests.integration.agent.conftest import LiveKit

pytestmark = [pytest.mark.integration, pytest.mark.timeout(120)]

AGENT, CUSTOMER = entry_pb2.SPEAKER_AGENT, entry_pb2.SPEAKER_CUSTOMER
FINAL = entry_pb2.SEALING_FINAL
GREETING = "Hello, where would you like to fly?"
ANSWER = (
    "Sure, there are six flights. The earliest leaves at six ten in the morning and the cheapest at noon. "
    "Which one would you like?"
)


class Parrot:
    """A dialogue with two answers and one tool."""

    language = ENGLISH

    def greeting(self, *, resumed: bool, answering: bool = False) -> str:
        return "Sorry, I lost you for a moment." if resumed else GREETING

    async def turn(self, text: str) -> AsyncGenerator[Event, None]:
        if "bye" in text.lower():
            yield Speech("Goodbye, have a good flight.")
            yield End()
            return
        tool_call_id = str(uuid.uuid4())
        yield ToolStarted(tool_call_id, "search_flights", {"origin": "MAA", "destination": "DEL"})
        yield ToolFinished(tool_call_id, "search_flights", "EMPTY", {"sample": True})
        for sentence in ANSWER.split(". "):
            yield Speech(sentence if sentence.endswith("?") else f"{sentence}.")

    def completeness(self, text: str) -> Completeness:
        complete = text.lower().rstrip(".?! ").endswith(("friday", "please", "bye"))
        return Completeness.COMPLETE if complete else Completeness.UNKNOWN


class Log:
    """All recorded drafts, in order."""

    def __init__(self) -> None:
        self.revisions: list[tuple[str, int, str]] = []
        self.entries: list[tuple[Any, ...]] = []
        self.sealed: dict[str, Mapping[str, Any]] = {}
        self._written = asyncio.Event()

    def revise(
        self, utterance_id: str, speaker: int, text: str, *, modality: int = entry_pb2.MODALITY_VOICE
    ) -> None:
        self.revisions.append((utterance_id, speaker, text))
        self._written.set()

    def seal(self, utterance_id: str, speaker: int, text: str, **details: Any) -> asyncio.Future[bool]:
        self.entries.append(("said", speaker, text))
        self.sealed[utterance_id] = {"speaker": speaker, "text": text, **details}
        self._written.set()
        stored = asyncio.get_running_loop().create_future()
        stored.set_result(True)
        return stored

    def tool_call(self, tool_call_id: str, name: str, arguments: Mapping[str, Any]) -> None:
        self.entries.append(("call", name))

    def tool_result(self, tool_call_id: str, name: str, outcome: str, result: Mapping[str, Any]) -> None:
        self.entries.append(("result", outcome))

    async def until(self, reached: Callable[[], bool]) -> None:
        """Waits for something to be written down."""
        async with asyncio.timeout(20):
            while not reached():
                self._written.clear()
                await self._written.wait()

    async def shown(self, speaker: int) -> None:
        """Wait for a word of an open utterance."""
        await self.until(
            lambda: any(
                speaks == speaker and utterance not in self.sealed for utterance, speaks, _ in self.revisions
            )
        )

    def said(self, speaker: int) -> list[str]:
        return [entry[2] for entry in self.entries if entry[:2] == ("said", speaker)]

    def last(self, speaker: int) -> Mapping[str, Any]:
        return [utterance for utterance in self.sealed.values() if utterance["speaker"] == speaker][-1]


@dataclass
class Conversation:
    """Both ends of a call."""

    agent: VoiceCall
    caller: CallClient
    log: Log
    ending: "asyncio.Task[pb.CallEndReason.ValueType | None]"
    rejoin: Callable[[], Any]
    drop: Callable[[], Awaitable[None]]
    captions: dict[str, str] = field(default_factory=dict)


Place = Callable[..., Any]


@pytest.fixture
async def place(livekit: LiveKit, engines: SpeechEngines) -> Place:
    """Places a call: the caller joins, the agent greets."""
    name = f"call-{uuid.uuid4()}"

    @asynccontextmanager
    async def placed(
        *, patience: float = 20, resumed: bool = False, microphone: bool = True
    ) -> AsyncIterator[Conversation]:
        room, log = rtc.Room(), Log()

        def join() -> Any:
            return CallClient.join(livekit.url, livekit.token("caller", name), microphone=microphone)

        async def drop() -> None:
            """The server loses the caller."""
            async with api.LiveKitAPI(livekit.url, livekit.key, livekit.secret) as server:
                await server.room.remove_participant(
                    api.RoomParticipantIdentity(room=name, identity="caller")
                )

        async with join() as caller:
            await room.connect(livekit.url, livekit.token("agent", name, agent=True))
            call = VoiceCall(
                room, "caller", cast("Any", Parrot()), cast("Any", log), engines, patience=patience
            )
            ending = asyncio.create_task(call.run(resumed=resumed))
            try:
                await caller.wait_for_greeting()
                yield Conversation(call, caller, log, ending, join, drop)
            finally:
                ending.cancel()
                with suppress(asyncio.CancelledError):
                    await ending
                await room.disconnect()

    return placed


async def test_a_spoken_question_is_answered_and_recorded(
    place: Place, spoken: Callable[[str], Samples]
) -> None:
    async with place() as call:
        turn = await call.caller.speak(
            spoken("I want to fly from Boston to Denver on Friday."), "the question"
        )
        heard = call.caller.recording()
    assert {"boston", "denver", "friday"} <= set(turn.heard.lower().rstrip(".").split())
    assert turn.reply == ANSWER
    assert turn.interims >= 2
    assert turn.first_audio_ms is not None
    assert 0 < turn.first_audio_ms < 5000
    assert turn.tools == [ToolUse("search_flights", {"origin": "MAA", "destination": "DEL"}, "EMPTY")]
    assert [card["outcome"] for card in turn.cards] == ["EMPTY"]
    assert call.log.said(AGENT) == [GREETING, ANSWER]
    assert call.log.entries[1:] == [
        ("said", CUSTOMER, turn.heard),
        ("call", "search_flights"),
        ("result", "EMPTY"),
        ("said", AGENT, ANSWER),
    ]
    assert np.abs(heard).max() > 3000


async def test_the_agents_words_are_recorded_while_they_are_spoken(
    place: Place, spoken: Callable[[str], Samples]
) -> None:
    async with place() as call:
        turn = asyncio.create_task(call.caller.speak(spoken("The first one please."), ""))
        await asyncio.wait({turn})
        answer = [
            text for _, speaker, text in call.log.revisions if speaker == AGENT and text.startswith("Sure")
        ]
    assert len(answer) >= 6
    assert all(ANSWER.startswith(text) for text in answer)
    assert answer == sorted(answer, key=len)


async def test_a_typed_message_is_answered(place: Place) -> None:
    async with place(microphone=False) as call:
        turn = await call.caller.type("flights to delhi")
    assert turn.reply == ANSWER
    assert turn.first_audio_ms is not None
    assert call.log.last(CUSTOMER)["modality"] == entry_pb2.MODALITY_TEXT
    assert turn.heard == "flights to delhi"


async def test_a_message_typed_during_a_sentence_loses_no_word(
    place: Place, spoken: Callable[[str], Samples]
) -> None:
    async with place() as call:
        speaking = asyncio.create_task(
            call.caller.speak(spoken("I want to fly from Boston to Denver on Friday."))
        )
        await call.log.shown(CUSTOMER)
        await call.caller.type("flights to delhi")
        await speaking
    assert [
        utterance["sealing"] for utterance in call.log.sealed.values() if utterance["speaker"] == CUSTOMER
    ] == [FINAL, FINAL]
    typed, sentence = call.log.said(CUSTOMER)
    assert typed == "flights to delhi"
    assert {"i", "want", "boston", "denver", "friday"} <= set(sentence.lower().rstrip(".").split())


async def test_a_sentence_cut_off_by_a_lost_connection_is_recorded_once_and_not_answered(
    place: Place, spoken: Callable[[str], Samples]
) -> None:
    async with place() as call:
        speaking = asyncio.create_task(
            call.caller.speak(spoken("I want to fly from Boston to Denver on Friday."))
        )
        await call.log.shown(CUSTOMER)
        await call.drop()
        await call.log.until(lambda: bool(call.log.said(CUSTOMER)))
        async with call.rejoin() as again:
            back = await again.wait_for_greeting()
        with suppress(CallFailed):
            await speaking
    assert call.log.last(CUSTOMER)["sealing"] == entry_pb2.SEALING_TRUNCATED
    assert len(call.log.said(CUSTOMER)) == 1
    assert back.reply == "Sorry, I lost you for a moment."
    assert call.log.said(AGENT) == [GREETING, back.reply]


async def test_ten_thousand_characters_are_recorded_and_declined(place: Place) -> None:
    async with place(microphone=False) as call:
        turn = await call.caller.type("x" * 10_000)
        assert "more than I can take in" in turn.reply
        assert call.log.last(CUSTOMER)["text"] == "x" * 10_000
        assert (await call.caller.type("flights to delhi")).reply == ANSWER


async def test_an_interruption_silences_the_agent_and_keeps_the_spoken_words(
    place: Place, spoken: Callable[[str], Samples]
) -> None:
    async with place() as call:
        first = asyncio.create_task(call.caller.type("flights to delhi"))
        silenced_ms, turn = await call.caller.barge_in(spoken("No, on Friday please."), "no", after=1.5)
        await first
        cut = next(
            utterance
            for utterance in call.log.sealed.values()
            if utterance["sealing"] == entry_pb2.SEALING_INTERRUPTED
        )
    assert silenced_ms < 2500
    assert ANSWER.startswith(cut["text"])
    assert cut["text"] != ANSWER
    assert cut["generated_text"] == ANSWER
    assert turn.reply == ANSWER
    assert call.log.said(AGENT)[-1] == ANSWER


async def test_silence_and_noise_get_no_answer(place: Place) -> None:
    noise = np.random.default_rng(3).normal(0, 500, STT_RATE * 2).astype(np.int16)
    async with place() as call:
        for sound in (silence(2000), noise):
            turn = await call.caller.speak(sound, timeout=3)
            assert (turn.heard, turn.reply, turn.first_audio_ms) == ("", "", None)
    assert call.log.said(CUSTOMER) == []


async def test_after_goodbye_the_agent_hangs_up(place: Place, spoken: Callable[[str], Samples]) -> None:
    async with place() as call:
        turn = await call.caller.speak(spoken("Thank you, bye."), "bye")
        assert turn.reply == "Goodbye, have a good flight."
        assert await asyncio.wait_for(call.ending, 10) == pb.CALL_END_REASON_AGENT_HUNG_UP


async def test_a_caller_who_hangs_up_ends_the_call(place: Place) -> None:
    async with place() as call:
        await call.caller.hang_up()
        assert await asyncio.wait_for(call.ending, 10) == pb.CALL_END_REASON_CALLER_HUNG_UP


async def test_a_second_tab_takes_over_the_call(place: Place) -> None:
    async with place(microphone=False) as call, call.rejoin() as second:
        assert "DUPLICATE_IDENTITY" in await call.caller.wait_for_end()
        turn = await second.type("flights to delhi")
        assert turn.reply == ANSWER
        assert not call.ending.done()


async def test_a_second_agent_apologises(place: Place) -> None:
    async with place(resumed=True) as call:
        assert call.log.said(AGENT) == ["Sorry, I lost you for a moment."]


async def test_a_refused_token_is_not_shown_in_the_error(livekit: LiveKit) -> None:
    with pytest.raises(CallFailed) as refused:
        async with CallClient.join(livekit.url, "not-a-token"):
            pass
    assert "not-a-token" not in str(refused.value)


async def test_a_failed_session_leaves_the_call_to_another_agent(place: Place) -> None:
    async with place(microphone=False) as call:
        await call.agent._session.aclose()
        assert await asyncio.wait_for(call.ending, 10) is None


async def test_a_failing_typed_message_does_not_stop_the_next(
    place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    answered, broken = CustomerSpeech.typed, list[str]()

    def typed(customer: CustomerSpeech, text: str) -> None:
        if not broken:
            broken.append(text)
            raise KeyError(text)
        answered(customer, text)

    monkeypatch.setattr(CustomerSpeech, "typed", typed)
    async with place(microphone=False) as call:
        await call.caller.type("this one breaks", timeout=1)
        assert (await call.caller.type("flights to delhi")).reply == ANSWER
    assert broken == ["this one breaks"]
