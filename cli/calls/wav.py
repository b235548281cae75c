"""WAV files: speech to play in a call, and recordings of calls."""

import wave
from pathlib import Path

import numpy as np

from agent.speech.audio import STT_RATE, Samples, resampled

MAX_SECONDS = 600
"""A longer file is refused, because it is probably a mistake."""


class NotAWav(Exception):
    """The file can't be used as speech. The text is the reason."""


def read_wav(path: Path) -> Samples:
    """Return a file of any rate, width and number of channels as 16 kHz mono samples.

    Raises:
        NotAWav: the file is missing, not PCM, empty, or too long.
    """
    try:
        with wave.open(str(path), "rb") as file:
            rate, width, channels, frames = (
                file.getframerate(),
                file.getsampwidth(),
                file.getnchannels(),
                file.getnframes(),
            )
            if frames > rate * MAX_SECONDS:
                raise NotAWav(f"{path} is longer than {MAX_SECONDS // 60} minutes")
            data = file.readframes(frames)
    except FileNotFoundError:
        raise NotAWav(f"there is no file {path}") from None
    except (wave.Error, EOFError) as error:
        raise NotAWav(
            f"{path} is not a WAV file with PCM audio ({str(error) or 'it ends too early'})"
        ) from None
    except OSError as error:
        raise NotAWav(f"{path} can't be read: {error.strerror}") from None
    if rate < 1000 or width not in (1, 2, 3, 4):
        raise NotAWav(f"{path} has {8 * width}-bit samples at {rate} Hz; use 8 to 32 bits at 1000 Hz or more")
    samples = _to_16_bit(data[: len(data) - len(data) % (width * channels)], width)
    if len(samples) == 0:
        raise NotAWav(f"{path} contains no sound")
    if channels > 1:
        samples = samples.reshape(-1, channels).astype(np.int32).mean(axis=1).astype(np.int16)
    return resampled(samples, rate, STT_RATE)


def write_wav(path: Path, samples: Samples, rate: int) -> None:
    """Write mono samples to a WAV file; replace an existing file."""
    with wave.open(str(path), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(rate)
        file.writeframes(samples.tobytes())


def _to_16_bit(data: bytes, width: int) -> Samples:
    """Convert little-endian PCM of 1 to 4 bytes per sample to 16 bits. PCM of 1 byte is unsigned."""
    match width:
        case 1:
            return ((np.frombuffer(data, np.uint8).astype(np.int16) - 128) * 256).astype(np.int16)
        case 2:
            return np.frombuffer(data, "<i2").astype(np.int16)
        case 3:
            highest_bytes = np.frombuffer(data, np.uint8).reshape(-1, 3)[:, 1:]
            return highest_bytes.copy().view("<i2").reshape(-1).astype(np.int16)
        case _:
            return (np.frombuffer(data, "<i4") >> 16).astype(np.int16)
