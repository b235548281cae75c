"""Hears that the caller speaks while the agent does.

The framework's own detector hands every window to a thread of its own. On a machine with nothing to spare those threads come late, by
seconds, and the end of the caller's question is then taken for an interruption of the answer. A window takes less than half a millisecond,
so here it is looked at where it arrives.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from livekit import rtc
from livekit.agents import vad
from livekit.local_inference import VAD

from agent.speech.audio import EAR_RATE
from agent.speech.voice_activity import WINDOW

_WINDOW_S = WINDOW / EAR_RATE
_ON = 0.5
_OFF = 0.35
_SPEECH_AFTER_S = 0.06
_SILENCE_AFTER_S = 0.1
"""Less than the ears need to end a turn, or the framework flushes the detector in the midst of a segment and complains."""


@dataclass
class Voice:
    """Whether somebody speaks, window by window. All durations in seconds."""

    speaking: bool = False
    speech: float = 0.0
    silence: float = 0.0
    voiced: float = 0.0
    unvoiced: float = 0.0

    def hear(self, probability: float) -> vad.VADEventType | None:
        """Takes the next window's probability of voice; tells when speech starts or ends with it."""
        self.speech += _WINDOW_S if self.speaking else 0.0
        self.silence += 0.0 if self.speaking else _WINDOW_S
        if probability >= (_OFF if self.speaking else _ON):
            self.voiced, self.unvoiced = self.voiced + _WINDOW_S, 0.0
            if not self.speaking and self.voiced >= _SPEECH_AFTER_S:
                self.speaking, self.speech, self.silence = True, self.voiced, 0.0
                return vad.VADEventType.START_OF_SPEECH
        else:
            self.voiced, self.unvoiced = 0.0, self.unvoiced + _WINDOW_S
            if self.speaking and self.unvoiced >= _SILENCE_AFTER_S:
                self.speaking, self.speech, self.silence = False, 0.0, self.unvoiced
                return vad.VADEventType.END_OF_SPEECH
        return None


class BargeInDetector(vad.VAD):
    """Silero's detector from the framework's wheel, behind its `VAD` class. Hears 16 kHz only."""

    def __init__(self) -> None:
        super().__init__(capabilities=vad.VADCapabilities(update_interval=_WINDOW_S))

    @property
    def model(self) -> str:
        """Name of the model, for usage reports."""
        return "silero"

    @property
    def provider(self) -> str:
        """Where it runs."""
        return "local"

    @property
    def min_silence_duration(self) -> float:
        """Seconds without voice that end a segment."""
        return _SILENCE_AFTER_S

    def stream(self) -> BargeInStream:
        """Listens to one caller."""
        return BargeInStream(self)


class BargeInStream(vad.VADStream):
    """One caller's audio."""

    def __init__(self, detector: BargeInDetector) -> None:
        super().__init__(detector)
        self._model, self._voice, self._windows = VAD(), Voice(), 0

    async def _main_task(self) -> None:
        carry = np.zeros(0, np.int16)
        async for frame in self._input_ch:
            if not isinstance(frame, rtc.AudioFrame):
                self._model.reset()
                self._voice, carry = Voice(), carry[:0]
                continue
            carry = np.concatenate((carry, np.frombuffer(frame.data, np.int16)))
            while len(carry) >= WINDOW:
                self._hear(float(self._model.predict(carry[:WINDOW])))
                carry = carry[WINDOW:]

    def _hear(self, probability: float) -> None:
        self._windows += 1
        change = self._voice.hear(probability)
        self._event_ch.send_nowait(self._event(vad.VADEventType.INFERENCE_DONE, probability))
        if change is not None:
            self._event_ch.send_nowait(self._event(change, probability))

    def _event(self, kind: vad.VADEventType, probability: float) -> vad.VADEvent:
        voice = self._voice
        return vad.VADEvent(
            type=kind,
            samples_index=self._windows * WINDOW,
            timestamp=self._windows * _WINDOW_S,
            speech_duration=voice.speech,
            silence_duration=voice.silence,
            probability=probability,
            speaking=voice.speaking,
            raw_accumulated_speech=voice.voiced,
            raw_accumulated_silence=voice.unvoiced,
        )
