"""Barge-in: the caller interrupts the agent.

livekit-agents' own detector classifies each window of audio in a thread. On a busy machine these threads run
seconds late, so the end of the caller's question looks like an interruption of the answer. Classifying a
window takes less than 0.5 ms, so this detector does it on the event loop.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass

import numpy as np
from livekit import rtc
from livekit.agents import vad
from livekit.agents.voice.turn import InterruptionOptions
from livekit.local_inference import VAD

from agent.speech.audio import STT_RATE
from agent.speech.voice_activity import WINDOW

INTERRUPTION: InterruptionOptions = {
    "enabled": True,
    "mode": "vad",
    # Seconds of voice that pause the agent. With 0.1, every cough pauses it. With the framework's default of
    # 0.5, both speak at the same time for 670 ms.
    "min_duration": 0.2,
    "min_words": 0,
    # Seconds without a recognised word after which the agent resumes.
    "resume_false_interruption": True,
    "false_interruption_timeout": 1.0,
}
"""Conditions under which the caller's voice interrupts the agent."""

_WINDOW_S = WINDOW / STT_RATE
_VOICED = 0.5
_STILL_VOICED = 0.35
_MIN_SPEECH_S = 0.06
_MIN_SILENCE_S = 0.1
"""This must be shorter than the silence that ends a turn. Otherwise the framework flushes the detector during
speech and logs a warning."""
_MAX_FRAME_GAP_S = 0.6
"""Seconds without an audio frame after which speech ends. The agent doesn't speak before the caller's speech
has ended, and a microphone that is muted, unplugged or disconnected during a word sends no more frames."""


@dataclass
class SpeechSegments:
    """Detection of the start and end of speech from voice probabilities. Durations are in seconds."""

    speaking: bool = False
    speech: float = 0.0
    silence: float = 0.0
    voiced: float = 0.0
    unvoiced: float = 0.0

    def push(self, probability: float) -> vad.VADEventType | None:
        """Add the voice probability of the next window. Return an event if speech starts or ends with it."""
        self.speech += _WINDOW_S if self.speaking else 0.0
        self.silence += 0.0 if self.speaking else _WINDOW_S
        if probability >= (_STILL_VOICED if self.speaking else _VOICED):
            self.voiced, self.unvoiced = self.voiced + _WINDOW_S, 0.0
            if not self.speaking and self.voiced >= _MIN_SPEECH_S:
                self.speaking, self.speech, self.silence = True, self.voiced, 0.0
                return vad.VADEventType.START_OF_SPEECH
        else:
            self.voiced, self.unvoiced = 0.0, self.unvoiced + _WINDOW_S
            if self.speaking and self.unvoiced >= _MIN_SILENCE_S:
                self.speaking, self.speech, self.silence = False, 0.0, self.unvoiced
                return vad.VADEventType.END_OF_SPEECH
        return None


class BargeInDetector(vad.VAD):
    """livekit-agents' VAD with the Silero model from the framework's wheel. It accepts only 16 kHz audio."""

    def __init__(self) -> None:
        super().__init__(capabilities=vad.VADCapabilities(update_interval=_WINDOW_S))

    def stream(self) -> BargeInStream:
        """Return a stream that detects speech of one caller."""
        return BargeInStream(self)


class BargeInStream(vad.VADStream):
    """Speech detection in the audio of one caller."""

    def __init__(self, detector: BargeInDetector) -> None:
        super().__init__(detector)
        self._model, self._segments, self._windows = VAD(), SpeechSegments(), 0

    async def _main_task(self) -> None:
        carry = np.zeros(0, np.int16)
        frames = aiter(self._input_ch)
        while True:
            try:
                async with asyncio.timeout(_MAX_FRAME_GAP_S if self._segments.speaking else None):
                    frame = await anext(frames)
            except TimeoutError:
                while self._segments.speaking:
                    self._push(0.0)
                continue
            except StopAsyncIteration:
                return
            if not isinstance(frame, rtc.AudioFrame):  # a flush
                self._model.reset()
                self._segments, carry = SpeechSegments(), carry[:0]
                continue
            carry = np.concatenate((carry, np.frombuffer(frame.data, np.int16)))
            while len(carry) >= WINDOW:
                self._push(float(self._model.predict(carry[:WINDOW])))
                carry = carry[WINDOW:]

    def _push(self, probability: float) -> None:
        self._windows += 1
        change = self._segments.push(probability)
        self._event_ch.send_nowait(self._event(vad.VADEventType.INFERENCE_DONE, probability))
        if change is not None:
            self._event_ch.send_nowait(self._event(change, probability))

    def _event(self, kind: vad.VADEventType, probability: float) -> vad.VADEvent:
        segments = self._segments
        return vad.VADEvent(
            type=kind,
            samples_index=self._windows * WINDOW,
            timestamp=self._windows * _WINDOW_S,
            speech_duration=segments.speech,
            silence_duration=segments.silence,
            probability=probability,
            speaking=segments.speaking,
            raw_accumulated_speech=segments.voiced,
            raw_accumulated_silence=segments.unvoiced,
        )
