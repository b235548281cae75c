"""Audio as arrays of samples: mono, signed 16-bit, 16 kHz unless stated otherwise."""

from typing import TypeAlias

import numpy as np
import numpy.typing as npt
from livekit import rtc

Samples: TypeAlias = npt.NDArray[np.int16]
"""One-dimensional array of samples."""

STT_RATE = 16_000
"""Sample rate, in hertz, that the models for recognition and voice detection expect."""

STEP_MS = 10
"""Time step of endpointing, in milliseconds."""

STEP = STT_RATE * STEP_MS // 1000
"""Samples per time step."""


def rms(samples: Samples) -> float:
    """Return the root mean square of the samples, 0 to 32768; 0 for an empty array."""
    if len(samples) == 0:
        return 0.0
    return float(np.sqrt(np.mean(np.square(samples.astype(np.float32)))))


def silence(milliseconds: int) -> Samples:
    """Return samples of value zero, at `STT_RATE`."""
    return np.zeros(STT_RATE * milliseconds // 1000, np.int16)


def resampled(samples: Samples, rate: int, to_rate: int) -> Samples:
    """Return the samples converted from `rate` to `to_rate`. The duration changes by at most one sample."""
    if rate == to_rate or len(samples) == 0:
        return samples
    resampler = rtc.AudioResampler(rate, to_rate, quality=rtc.AudioResamplerQuality.HIGH)
    frames = [*resampler.push(bytearray(samples.tobytes())), *resampler.flush()]
    pieces = [np.frombuffer(frame.data, np.int16) for frame in frames]
    return np.concatenate(pieces) if pieces else samples[:0]
