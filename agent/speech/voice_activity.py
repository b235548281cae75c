"""Tells voice from other sounds, 32 ms at a time."""

from collections.abc import Callable

import numpy as np

from agent.speech.audio import EAR_RATE, Samples

WINDOW = 512
"""Samples that the voice detector looks at: 32 ms at 16 kHz."""
WINDOW_MS = WINDOW * 1000 // EAR_RATE

VoiceProbability = Callable[[Samples], float]
"""Probability that a window of `WINDOW` samples holds voice; stateful, windows in order (Silero VAD)."""

_ON = 0.5
_OFF = 0.15


class Voicing:
    """What the voice detector says of the latest windows."""

    def __init__(self, probability_of: VoiceProbability) -> None:
        self._probability_of = probability_of
        self._carry: Samples = np.zeros(0, np.int16)
        self.probability = 0.0
        self.voiced_windows = 0
        self.unvoiced_ms = 0

    def hear(self, step: Samples) -> None:
        """Takes the next samples, as many as there are."""
        self._carry = np.concatenate((self._carry, step))
        while len(self._carry) >= WINDOW:
            window, self._carry = self._carry[:WINDOW], self._carry[WINDOW:]
            self.probability = float(self._probability_of(window))
            self.voiced_windows = self.voiced_windows + 1 if self.probability >= _ON else 0
            self.unvoiced_ms = self.unvoiced_ms + WINDOW_MS if self.probability < _OFF else 0

    def forget_onset(self) -> None:
        """Makes the next onset count from here."""
        self.voiced_windows = 0
