"""Voice activity detection, by a model and by loudness. Loudness finds the end about 100 ms earlier."""

from collections.abc import Callable, Iterable

import numpy as np

from agent.speech.audio import STT_RATE, Samples, rms

WINDOW = 512
"""Samples per window of the voice detector: 32 ms at 16 kHz."""
WINDOW_MS = WINDOW * 1000 // STT_RATE

VoiceProbability = Callable[[Samples], float]
"""Function that returns the probability of voice in a window of `WINDOW` samples. It has state, so call it
with all windows in order."""

_VOICED = 0.5
_UNVOICED = 0.15

_DROP = 10 ** (-32 / 20)
"""Sound this far (−32 dB) below the peak of the utterance is a pause. Weak ends of words are louder."""
_PEAK_DECAY = 0.999
_FLOOR_WEIGHT = 0.1
_FLOOR_LIMIT = 300.0
_ABOVE_FLOOR = 3.0


class VoiceActivity:
    """Count of consecutive voiced windows, and the duration of consecutive unvoiced ones, up to now."""

    def __init__(self, probability_of: VoiceProbability) -> None:
        self._probability_of = probability_of
        self._carry: Samples = np.zeros(0, np.int16)
        self.probability = 0.0
        self.voiced_windows = 0
        self.unvoiced_ms = 0

    def push(self, samples: Samples) -> None:
        """Classify any number of further samples."""
        self._carry = np.concatenate((self._carry, samples))
        while len(self._carry) >= WINDOW:
            window, self._carry = self._carry[:WINDOW], self._carry[WINDOW:]
            self.probability = float(self._probability_of(window))
            self.voiced_windows = self.voiced_windows + 1 if self.probability >= _VOICED else 0
            self.unvoiced_ms = self.unvoiced_ms + WINDOW_MS if self.probability < _UNVOICED else 0

    def reset_onset(self) -> None:
        """Reset the count of voiced windows, so that windows of the last utterance don't start the next."""
        self.voiced_windows = 0


class NoiseFloor:
    """Loudness of the background noise between utterances, as a moving average of RMS values."""

    def __init__(self) -> None:
        self.level = 8.0

    def push(self, step: Samples) -> None:
        """Add one time step without speech.

        Its loudness is limited, so that one loud noise doesn't raise the noise floor for long.
        """
        self.level += _FLOOR_WEIGHT * (min(rms(step), _FLOOR_LIMIT) - self.level)


class Loudness:
    """Loudness of time steps in one utterance, relative to its peak and to the noise floor."""

    def __init__(self, floor: NoiseFloor, onset: Iterable[Samples]) -> None:
        self._floor = floor
        self._peak = max((rms(step) for step in onset), default=1.0)

    def is_loud(self, step: Samples) -> bool:
        """Update the peak, and return whether this time step is loud enough for speech."""
        level = rms(step)
        self._peak = max(self._peak * _PEAK_DECAY, level)
        return level > max(self._peak * _DROP, self._floor.level * _ABOVE_FLOOR)
