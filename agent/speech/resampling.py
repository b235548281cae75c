"""Brings audio to another rate."""

import numpy as np
from livekit import rtc

from agent.speech.audio import Samples


def resampled(samples: Samples, rate: int, to_rate: int) -> Samples:
    """The same sound with `to_rate` samples a second; exactly as long, give or take a sample."""
    if rate == to_rate or len(samples) == 0:
        return samples
    resampler = rtc.AudioResampler(rate, to_rate, quality=rtc.AudioResamplerQuality.HIGH)
    frames = [*resampler.push(bytearray(samples.tobytes())), *resampler.flush()]
    pieces = [np.frombuffer(frame.data, np.int16) for frame in frames]
    return np.concatenate(pieces) if pieces else samples[:0]
