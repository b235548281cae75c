"""Speech from WAV files of any shape, and back."""

import wave
from pathlib import Path

import numpy as np

from agent.speech.audio import STT_RATE, Samples, resampled

LONGEST_S = 600
"""Longer files are taken for a mistake."""


class NotAWav(Exception):
    """The file can't be used as speech; the text says why."""


def read_wav(path: Path) -> Samples:
    """Samples of a file as 16 kHz mono, whatever its rate, width and channels. Raises `NotAWav`."""
    try:
        with wave.open(str(path), "rb") as file:
            rate, width, channels, frames = (
                file.getframerate(),
                file.getsampwidth(),
                file.getnchannels(),
                file.getnframes(),
            )
            if frames > rate * LONGEST_S:
                raise NotAWav(f"{path} is longer than {LONGEST_S // 60} minutes")
            data = file.readframes(frames)
    except FileNotFoundError:
        raise NotAWav(f"there is no file {path}") from None
    except (wave.Error, EOFError) as error:
        raise NotAWav(
            f"{path} is not a WAV file with PCM audio ({str(error) or 'it ends too early'})"
        ) from None
    except OSError as error:
        raise NotAWav(f"{path} can't be read: {error.strerror}") from None
    if rate < 1000 or width not in _AS_16_BIT:
        raise NotAWav(
            f"{path} has {8 * width}-bit samples at {rate} Hz; 8, 16, 24 or 32 bits at 1000 Hz or more would do"
        )
    samples = _AS_16_BIT[width](data[: len(data) - len(data) % (width * channels)])
    if len(samples) == 0:
        raise NotAWav(f"{path} holds no sound")
    return resampled(_mono(samples, channels), rate, STT_RATE)


def write_wav(path: Path, samples: Samples, rate: int) -> None:
    """Writes mono samples; an existing file is replaced."""
    with wave.open(str(path), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(rate)
        file.writeframes(samples.tobytes())


def _mono(samples: Samples, channels: int) -> Samples:
    if channels == 1:
        return samples
    mixed: Samples = samples.reshape(-1, channels).astype(np.int32).mean(axis=1).astype(np.int16)
    return mixed


def _from_8_bit(data: bytes) -> Samples:
    return ((np.frombuffer(data, np.uint8).astype(np.int16) - 128) * 256).astype(np.int16)


def _from_16_bit(data: bytes) -> Samples:
    return np.frombuffer(data, "<i2").astype(np.int16)


def _from_24_bit(data: bytes) -> Samples:
    return np.frombuffer(data, np.uint8).reshape(-1, 3)[:, 1:].copy().view("<i2").reshape(-1).astype(np.int16)


def _from_32_bit(data: bytes) -> Samples:
    return (np.frombuffer(data, "<i4") >> 16).astype(np.int16)


_AS_16_BIT = {1: _from_8_bit, 2: _from_16_bit, 3: _from_24_bit, 4: _from_32_bit}
