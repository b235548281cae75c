"""Speech as the ears hear it: 16 kHz, mono, signed 16 bit."""

from typing import TypeAlias

import numpy as np
import numpy.typing as npt

Samples: TypeAlias = npt.NDArray[np.int16]
"""One dimension of samples."""

EAR_RATE = 16_000
"""Samples a second that recognition and voice detection are trained on."""

STEP_MS = 10
"""The ears' clock: one step."""

STEP = EAR_RATE * STEP_MS // 1000
"""Samples of one step."""


def rms(samples: Samples) -> float:
    """Root mean square of the samples, 0 to 32768; 0 for none."""
    if len(samples) == 0:
        return 0.0
    return float(np.sqrt(np.mean(np.square(samples.astype(np.float32)))))


def silence(milliseconds: int) -> Samples:
    """That much nothing."""
    return np.zeros(EAR_RATE * milliseconds // 1000, np.int16)
