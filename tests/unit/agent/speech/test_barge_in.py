"""Barge-in: voice is detected soon, noise is not, and a pause between words ends no segment."""

import asyncio
from collections.abc import AsyncIterator, Callable

import numpy as np
import pytest
from livekit import rtc
from livekit.agents.vad import VADEvent, VADEventType

from agent.speech.audio import STT_RATE, Samples, silence
from agent.speech.barge_in import BargeInDetector, BargeInStream, SpeechSegments

pytestmark = pytest.mark.unit

START, END = VADEventType.START_OF_SPEECH, VADEventType.END_OF_SPEECH


def _changes(probabilities: list[float]) -> list[tuple[int, VADEventType]]:
    segments = SpeechSegments()
    heard = [(at, segments.push(probability)) for at, probability in enumerate(probabilities)]
    return [(at, change) for at, change in heard if change is not None]


def test_two_windows_of_voice_are_speech() -> None:
    assert _changes([0.9, 0.9]) == [(1, START)]
    assert _changes([0.9, 0.1, 0.9, 0.1]) == []


def test_a_pause_between_words_ends_no_segment() -> None:
    assert _changes([0.9] * 4 + [0.1] * 3 + [0.9] * 4) == [(1, START)]


def test_a_tenth_of_a_second_without_voice_ends_the_segment() -> None:
    assert _changes([0.9] * 4 + [0.1] * 4) == [(1, START), (7, END)]


def test_uncertain_windows_during_speech_are_still_speech() -> None:
    assert _changes([0.9] * 3 + [0.4] * 10) == [(1, START)]
    assert _changes([0.4] * 10) == []


async def _events(samples: Samples) -> list[VADEvent]:
    stream = BargeInDetector().stream()
    for at in range(0, len(samples) - 319, 320):
        stream.push_frame(rtc.AudioFrame(samples[at : at + 320].tobytes(), STT_RATE, 1, 320))
    stream.end_input()
    events = [event async for event in stream]
    await stream.aclose()
    return events


async def test_speech_is_detected_within_a_quarter_of_a_second(spoken: Callable[[str], Samples]) -> None:
    events = await _events(np.concatenate((silence(1000), spoken("Stop, on Friday please."), silence(1000))))
    starts = [event.timestamp for event in events if event.type is START]
    assert 1.0 <= starts[0] <= 1.25
    ends = [event.timestamp for event in events if event.type is END]
    assert len(ends) == len(starts)


async def test_noise_is_not_speech() -> None:
    noise = np.random.default_rng(0).normal(0, 1500, STT_RATE * 4).astype(np.int16)
    assert {event.type for event in await _events(noise)} == {VADEventType.INFERENCE_DONE}


async def test_a_flush_resets_the_segment(spoken: Callable[[str], Samples]) -> None:
    stream = BargeInDetector().stream()
    speech = spoken("I want to fly.")
    stream.push_frame(rtc.AudioFrame(speech.tobytes(), STT_RATE, 1, len(speech)))
    stream.flush()
    stream.push_frame(rtc.AudioFrame(silence(500).tobytes(), STT_RATE, 1, STT_RATE // 2))
    stream.end_input()
    events = [event async for event in stream]
    await stream.aclose()
    assert not events[-1].speaking
    assert events[-1].raw_accumulated_speech == 0
    await asyncio.sleep(0)


async def test_speech_ends_when_the_microphone_sends_no_more_frames(
    spoken: Callable[[str], Samples], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("agent.speech.barge_in._MAX_FRAME_GAP_S", 0.05)
    stream, speech = BargeInDetector().stream(), spoken("I want to fly.")[: STT_RATE // 2]
    stream.push_frame(rtc.AudioFrame(speech.tobytes(), STT_RATE, 1, len(speech)))
    async with asyncio.timeout(5):
        kinds = [event.type async for event in _until_end(stream)]
    await stream.aclose()
    assert kinds.count(START) == kinds.count(END) == 1


async def _until_end(stream: BargeInStream) -> AsyncIterator[VADEvent]:
    async for event in stream:
        yield event
        if event.type is END:
            return
