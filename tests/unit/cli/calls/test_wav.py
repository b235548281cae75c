"""WAV files of any format, and errors for other files."""

import wave
from pathlib import Path

import numpy as np
import pytest

from agent.speech.audio import STT_RATE, Samples
from cli.calls.wav import NotAWav, read_wav, write_wav

pytestmark = pytest.mark.unit

SECOND = (np.sin(np.arange(48_000) * 2 * np.pi * 440 / 48_000) * 16_000).astype(np.int16)


def _packed(samples: Samples, width: int) -> bytes:
    if width == 1:
        return ((samples >> 8) + 128).astype(np.uint8).tobytes()
    wide = samples.astype("<i4") << 16
    return (
        samples.astype("<i2").tobytes()
        if width == 2
        else wide.view(np.uint8).reshape(-1, 4)[:, 4 - width :].tobytes()
    )


def _write(path: Path, *, rate: int, width: int, channels: int) -> Path:
    samples = np.repeat(SECOND[:: 48_000 // rate], channels)
    with wave.open(str(path), "wb") as file:
        file.setparams((channels, width, rate, 0, "NONE", ""))
        file.writeframes(_packed(samples, width))
    return path


@pytest.mark.parametrize("rate", [8_000, 16_000, 24_000, 48_000])
@pytest.mark.parametrize("width", [1, 2, 3, 4])
@pytest.mark.parametrize("channels", [1, 2])
def test_any_rate_width_and_channels_become_16_khz_mono(
    tmp_path: Path, rate: int, width: int, channels: int
) -> None:
    samples = read_wav(_write(tmp_path / "speech.wav", rate=rate, width=width, channels=channels))
    assert len(samples) == pytest.approx(STT_RATE, abs=STT_RATE * 0.02)
    middle = samples[4000:12_000].astype(np.float64)
    assert np.sqrt(np.mean(middle**2)) == pytest.approx(16_000 / np.sqrt(2), rel=0.05)
    spectrum = np.abs(np.fft.rfft(middle))
    assert np.argmax(spectrum) * STT_RATE / len(middle) == pytest.approx(440, abs=3)


def test_a_written_file_is_read_back(tmp_path: Path) -> None:
    path = tmp_path / "speech.wav"
    write_wav(path, SECOND[:16_000], STT_RATE)
    assert np.array_equal(read_wav(path), SECOND[:16_000])


@pytest.mark.parametrize(
    ("content", "why"),
    [
        (b"this is no sound at all", "is not a WAV file"),
        (b"", "is not a WAV file"),
        (b"RIFF\x24\x00\x00\x00WAVE", "is not a WAV file"),
        (b"\x89PNG\r\n\x1a\n" + bytes(100), "is not a WAV file"),
    ],
)
def test_a_file_that_is_no_wav_is_refused_by_name(tmp_path: Path, content: bytes, why: str) -> None:
    path = tmp_path / "speech.wav"
    path.write_bytes(content)
    with pytest.raises(NotAWav, match=why) as refused:
        read_wav(path)
    assert "speech.wav" in str(refused.value)


def test_a_missing_file_and_a_folder_are_refused(tmp_path: Path) -> None:
    with pytest.raises(NotAWav, match="there is no file"):
        read_wav(tmp_path / "nothing.wav")
    with pytest.raises(NotAWav, match="can't be read"):
        read_wav(tmp_path)


def test_a_wav_without_sound_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "empty.wav"
    write_wav(path, SECOND[:0], STT_RATE)
    with pytest.raises(NotAWav, match="contains no sound"):
        read_wav(path)


def test_a_wav_cut_off_in_the_middle_is_read_as_far_as_it_goes(tmp_path: Path) -> None:
    path = _write(tmp_path / "speech.wav", rate=16_000, width=2, channels=1)
    path.write_bytes(path.read_bytes()[:20_001])
    assert 9_000 < len(read_wav(path)) < 10_100
