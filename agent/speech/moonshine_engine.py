"""Moonshine tiny-en, the offline speech recogniser: converts one utterance to text, on the CPU."""

import asyncio
import re
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from importlib.resources import files
from importlib.resources.abc import Traversable
from typing import Protocol

import structlog

from agent.language.hearing import Expected, Transcript
from agent.speech.audio import STT_RATE, Samples, silence
from agent.speech.moonshine_library import LibraryDecoder
from agent.speech.own_decoder import OwnDecoder

_log = structlog.get_logger(__name__)
MODEL = files("moonshine_voice") / "assets" / "tiny-en"
"""Folder of the model."""
_MIN_SAMPLES = STT_RATE // 10

_OLD_HYPHENS = re.compile(r"\b(to|good)-(day|night|morrow|bye)\b", re.IGNORECASE)
"""Old spellings that the model learned from books: "to-morrow", "good-bye"."""


class UtteranceDecoder(Protocol):
    """Decoder of whole utterances."""

    def decode(self, samples: Samples, expected: Expected | None = None) -> Transcript:
        """Return the transcript of an utterance (16 kHz). Blocks. Raises `DecodeFailed`.

        Pass `expected` for an utterance that may be finished.
        """
        ...

    def close(self) -> None:
        """Free the model."""


class MoonshineEngine:
    """The speech recognition model, loaded once per process.

    It decodes one utterance at a time, because two at a time compete for the same cores and both are late.
    """

    def __init__(self, load_own: Callable[[Traversable], UtteranceDecoder] = OwnDecoder) -> None:
        """Load `load_own`; if it can't be loaded, the library's decoder."""
        self._decoder = _loaded(load_own)
        self._executor = ThreadPoolExecutor(1, thread_name_prefix="moonshine")
        self.decode(silence(1000))  # the first run allocates memory
        self.decode(silence(1000), Expected())

    async def transcribe(self, samples: Samples, expected: Expected | None = None) -> Transcript:
        """Return the transcript of an utterance (16 kHz). Requests run in order. Raises `DecodeFailed`."""
        return await asyncio.get_running_loop().run_in_executor(
            self._executor, self.decode, samples, expected
        )

    def decode(self, samples: Samples, expected: Expected | None = None) -> Transcript:
        """Return the transcript of an utterance (16 kHz). Blocks. Raises `DecodeFailed`.

        With `expected`, for an utterance that may be finished, it leans towards the names of places.
        """
        if len(samples) < _MIN_SAMPLES:
            return Transcript()
        transcript = self._decoder.decode(samples, expected)
        return replace(transcript, text=_OLD_HYPHENS.sub(r"\1\2", transcript.text))

    def close(self) -> None:
        """Wait for the running decode and free the model."""
        self._executor.shutdown()
        self._decoder.close()


def _loaded(load_own: Callable[[Traversable], UtteranceDecoder]) -> UtteranceDecoder:
    try:
        return load_own(MODEL)
    except Exception:  # noqa: BLE001 - onnxruntime's errors have no common class
        _log.exception("own decoder not loaded; the library decodes without names")
        return LibraryDecoder(MODEL)
