"""livekit-agents' STT: events in order, whatever the microphone does."""

import asyncio
from collections.abc import Callable

import numpy as np
import pytest
from livekit import rtc
from livekit.agents import stt
from livekit.agents.stt import SpeechEvent, SpeechEventType

from agent.language.hearing import WORD_CONFIDENCES, Expected, HeardPlace, Transcript
from agent.language.meanings import Completeness, Expectation
from agent.speech.audio import STEP, STT_RATE, Samples, resampled, silence
from agent.speech.moonshine_engine import MoonshineEngine
from agent.speech.own_decoder import DecodeFailed
from agent.speech.speech_to_text import MoonshineSTT

pytestmark = pytest.mark.unit

Spoken = Callable[[str], Samples]


class Scripted:
    """A recogniser with a scripted text."""

    def __init__(self, text: str = "yes please", *, fails: bool = False) -> None:
        self.text, self.fails, self.asked = text, fails, 0

    async def transcribe(self, samples: Samples, expected: Expected | None = None) -> Transcript:
        self.asked += 1
        if self.fails:
            raise DecodeFailed("error -1")
        return Transcript(self.text)


def _push(stream: stt.RecognizeStream, samples: Samples, rate: int = STT_RATE) -> None:
    size = STEP * 2 * rate // STT_RATE
    for at in range(0, len(samples) - size + 1, size):
        stream.push_frame(rtc.AudioFrame(samples[at : at + size].tobytes(), rate, 1, size))


async def _until(stream: stt.RecognizeStream, kind: SpeechEventType) -> list[SpeechEvent]:
    events: list[SpeechEvent] = []
    async with asyncio.timeout(20):
        async for event in stream:
            events.append(event)
            if event.type is kind:
                break
    return events


async def test_a_turn_is_reported_in_the_frameworks_order(spoken: Spoken) -> None:
    async with MoonshineSTT(Scripted(), lambda _: Completeness.COMPLETE).stream() as stream:
        _push(stream, np.concatenate((silence(300), spoken("Yes, please."), silence(400))))
        events = await _until(stream, SpeechEventType.END_OF_SPEECH)
    kinds = [event.type for event in events]
    assert kinds[0] is SpeechEventType.START_OF_SPEECH
    assert kinds[-2:] == [SpeechEventType.FINAL_TRANSCRIPT, SpeechEventType.END_OF_SPEECH]
    final, ended = events[-2:]
    assert final.alternatives[0].text == "yes please"
    assert final.speech_end_time is not None
    assert ended.speech_end_time is not None
    assert events[0].speech_start_time is not None


async def test_a_microphone_muted_inside_a_word_ends_the_turn(spoken: Spoken) -> None:
    async with MoonshineSTT(Scripted(), lambda _: Completeness.COMPLETE).stream() as stream:
        _push(stream, np.concatenate((silence(300), spoken("Yes, please.")[: STT_RATE // 2])))
        events = await _until(stream, SpeechEventType.END_OF_SPEECH)
    assert events[-2].alternatives[0].text == "yes please"


async def test_a_failed_decode_ends_the_turn_but_not_the_stream(spoken: Spoken) -> None:
    scripted = Scripted(fails=True)
    async with MoonshineSTT(scripted, lambda _: Completeness.COMPLETE).stream() as stream:
        _push(stream, np.concatenate((silence(300), spoken("Yes, please."), silence(900))))
        assert SpeechEventType.FINAL_TRANSCRIPT not in {
            event.type for event in await _until(stream, SpeechEventType.END_OF_SPEECH)
        }
        scripted.fails = False
        _push(stream, np.concatenate((spoken("Yes, please."), silence(600))))
        events = await _until(stream, SpeechEventType.END_OF_SPEECH)
    assert events[-2].alternatives[0].text == "yes please"


async def test_other_rates_are_resampled(spoken: Spoken) -> None:
    async with MoonshineSTT(Scripted(), lambda _: Completeness.COMPLETE).stream() as stream:
        speech = np.concatenate((silence(300), spoken("Yes, please."), silence(600)))
        _push(stream, resampled(speech, STT_RATE, 48_000), 48_000)
        assert await _until(stream, SpeechEventType.END_OF_SPEECH)


async def test_the_end_of_the_audio_ends_the_stream() -> None:
    async with MoonshineSTT(Scripted(), lambda _: Completeness.COMPLETE).stream() as stream:
        _push(stream, silence(500))
        stream.end_input()
        assert [event async for event in stream] == []


async def test_a_complete_recording_is_recognised(moonshine: MoonshineEngine, spoken: Spoken) -> None:
    speech = resampled(spoken("I want to fly from Boston to Denver."), STT_RATE, 24_000)
    event = await MoonshineSTT(moonshine, lambda _: Completeness.UNKNOWN).recognize(
        rtc.AudioFrame(speech.tobytes(), 24_000, 1, len(speech))
    )
    assert {"boston", "denver"} <= set(event.alternatives[0].text.lower().rstrip(".").split())


def test_old_hyphens_are_removed(moonshine: MoonshineEngine, spoken: Spoken) -> None:
    assert "goodbye" in moonshine.decode(spoken("Thank you, goodbye.")).text.lower()


def test_silence_gives_no_text(moonshine: MoonshineEngine) -> None:
    assert moonshine.decode(silence(0)).text == ""
    assert moonshine.decode(silence(50)).text == ""


async def test_decodes_finish_in_the_order_of_the_requests(
    moonshine: MoonshineEngine, spoken: Spoken
) -> None:
    done: list[int] = []

    async def decode(number: int) -> None:
        await moonshine.transcribe(spoken("Yes, please."))
        done.append(number)

    async with asyncio.TaskGroup() as tasks:
        for number in range(4):
            tasks.create_task(decode(number))
    assert done == [0, 1, 2, 3]


class Recording:
    """A recogniser that records what each decode was told to expect."""

    def __init__(self) -> None:
        self.expected: list[Expected | None] = []

    async def transcribe(self, samples: Samples, expected: Expected | None = None) -> Transcript:
        self.expected.append(expected)
        return Transcript("to Pune", (0.9, 0.6), (HeardPlace("Pune", 0.5, ("Patna",)),))


async def test_only_speech_that_may_be_finished_is_decoded_with_names(spoken: Spoken) -> None:
    recogniser, finals, question = Recording(), list[Transcript](), Expected(Expectation.PLACE)
    moonshine_stt = MoonshineSTT(
        recogniser, lambda _: Completeness.UNKNOWN, expected=lambda: question, on_final=finals.append
    )
    async with moonshine_stt.stream() as stream:
        speech = spoken("I want to fly from Boston to Denver on the second of December.")
        audio = np.concatenate((silence(300), speech, silence(1200)))
        for at in range(0, len(audio), STT_RATE // 10):
            _push(stream, audio[at : at + STT_RATE // 10])
            await asyncio.sleep(0.01)  # lets the decodes run between the words
        events = await _until(stream, SpeechEventType.END_OF_SPEECH)
    assert None in recogniser.expected
    assert recogniser.expected[-1] is question
    assert [final.places[0].alternatives for final in finals] == [("Patna",)]
    assert events[-2].alternatives[0].metadata == {WORD_CONFIDENCES: (0.9, 0.6)}
