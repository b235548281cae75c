"""Barge-in: the caller interrupts the agent.

livekit-agents' own detector hands every window to a thread. On a busy machine those threads run seconds late,
and the end of the caller's question is then taken for an interruption of the answer. A window takes less than
half a millisecond, so it is classified here, on the event loop.
"""

from __future__ import annotations

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
    # Voice for this long, in seconds, pauses the agent: 0.1 stops for every cough, the framework's 0.5 leaves
    # 670 ms of both talking.
    "min_duration": 0.2,
    "min_words": 0,
    # Without a recognised word the agent resumes after this many seconds.
    "resume_false_interruption": True,
    "false_interruption_timeout": 1.0,
}
"""When a caller's voice interrupts the agent."""

_WINDOW_S = WINDOW / STT_RATE
_VOICED = 0.5
_STILL_VOICED = 0.35
_MIN_SPEECH_S = 0.06
_MIN_SILENCE_S = 0.1
"""Less than endpointing needs to end a turn; otherwise the framework flushes the detector inside a segment
and logs a warning."""


@dataclass
class SpeechSegments:
    """Start and end of speech, from the probability of voice in each window. Durations are in seconds."""

    speaking: bool = False
    speech: float = 0.0
    silence: float = 0.0
    voiced: float = 0.0
    unvoiced: float = 0.0

    def push(self, probability: float) -> vad.VADEventType | None:
        """Add the next window. Return the event when speech starts or ends with it."""
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
    """livekit-agents' VAD over the Silero model in the framework's wheel. Takes 16 kHz only."""

    def __init__(self) -> None:
        super().__init__(capabilities=vad.VADCapabilities(update_interval=_WINDOW_S))

    def stream(self) -> BargeInStream:
        """Start detection for one caller."""
        return BargeInStream(self)


class BargeInStream(vad.VADStream):
    """Detection in one caller's audio."""

    def __init__(self, detector: BargeInDetector) -> None:
        super().__init__(detector)
        self._model, self._segments, self._windows = VAD(), SpeechSegments(), 0

    async def _main_task(self) -> None:
        carry = np.zeros(0, np.int16)
        async for frame in self._input_ch:
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
