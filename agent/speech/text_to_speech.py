"""livekit-agents' streaming TTS with hibari: it speaks each clause while later text is still generated."""

import re
from collections.abc import Iterable
from typing import Any

from livekit.agents import APIConnectOptions, tts
from livekit.agents.types import DEFAULT_API_CONNECT_OPTIONS

from agent.language.en.data import load
from agent.speech.hibari_engine import TTS_RATE, HibariEngine
from mesh.ids import uuid7

_FRAME_MS = 50

_BOUNDARY = re.compile(r"(?<=[,;:.!?…—])[\"”’)\]]*\s+(?=\S)")
_ABBREVIATION = re.compile(rf"(?:\b[A-Za-z]|\b(?:{'|'.join(load('abbreviations'))}))\.$")
"""Text that ends with an abbreviation, whose period doesn't end a clause: "6 a.m. from", "St. Petersburg"."""

_MIN_FIRST = 4
_MIN_LATER = 40
_MAX = 220


class Clauses:
    """Splitter of a text, which arrives in pieces, into clauses.

    The first clause may be short, because the caller is waiting for it. Later short clauses are joined until
    they have `_MIN_LATER` characters, because short clauses sound monotonous.
    """

    def __init__(self) -> None:
        self._text = ""
        self._min_length = _MIN_FIRST

    def push(self, piece: str) -> list[str]:
        """Add a piece of text, and return the clauses that are now complete."""
        self._text += piece
        clauses = []
        while (end := self._next_end()) is not None:
            clauses.append(self._text[:end].strip())
            self._text = self._text[end:].lstrip()
            self._min_length = _MIN_LATER
        return [clause for clause in clauses if clause]

    def finish(self) -> list[str]:
        """Return the remaining text as one clause if there is any, and reset the splitter."""
        rest, self._text, self._min_length = self._text.strip(), "", _MIN_FIRST
        return [rest] if rest else []

    def _next_end(self) -> int | None:
        for boundary in _BOUNDARY.finditer(self._text):
            start = boundary.start()
            if start >= self._min_length and not _ABBREVIATION.search(self._text[:start]):
                return boundary.end()
        if len(self._text) > _MAX and (space := self._text.rfind(" ", 0, _MAX)) > 0:
            return space
        return None


class HibariTTS(tts.TTS[Any]):
    """Text to speech with the `HibariEngine` of this process."""

    def __init__(self, engine: HibariEngine) -> None:
        super().__init__(
            capabilities=tts.TTSCapabilities(streaming=True), sample_rate=TTS_RATE, num_channels=1
        )
        self._engine = engine

    def synthesize(
        self, text: str, *, conn_options: APIConnectOptions = DEFAULT_API_CONNECT_OPTIONS
    ) -> "CompleteText":
        """Return the speech of a complete text."""
        return CompleteText(self, self._engine, text, conn_options)

    def stream(self, *, conn_options: APIConnectOptions = DEFAULT_API_CONNECT_OPTIONS) -> "GrowingText":
        """Return a stream that speaks text while it is being generated."""
        return GrowingText(self, self._engine, conn_options)


class CompleteText(tts.ChunkedStream):
    """Speech of a complete text."""

    def __init__(
        self, hibari_tts: HibariTTS, engine: HibariEngine, text: str, conn_options: APIConnectOptions
    ) -> None:
        super().__init__(tts=hibari_tts, input_text=text, conn_options=conn_options)
        self._engine = engine

    async def _run(self, output_emitter: tts.AudioEmitter) -> None:
        _initialize(output_emitter, stream=False)
        clauses = Clauses()
        await _speak(output_emitter, self._engine, [*clauses.push(self.input_text), *clauses.finish()])


class GrowingText(tts.SynthesizeStream):
    """Speech of a text that is still being generated."""

    def __init__(self, hibari_tts: HibariTTS, engine: HibariEngine, conn_options: APIConnectOptions) -> None:
        super().__init__(tts=hibari_tts, conn_options=conn_options)
        self._engine = engine

    async def _run(self, output_emitter: tts.AudioEmitter) -> None:
        _initialize(output_emitter, stream=True)
        output_emitter.start_segment(segment_id=uuid7())
        clauses = Clauses()
        async for piece in self._input_ch:
            complete = clauses.push(piece) if isinstance(piece, str) else clauses.finish()
            if complete:
                self._mark_started()
                await _speak(output_emitter, self._engine, complete)


def _initialize(emitter: tts.AudioEmitter, *, stream: bool) -> None:
    emitter.initialize(
        request_id=uuid7(),
        sample_rate=TTS_RATE,
        num_channels=1,
        mime_type="audio/pcm",
        frame_size_ms=_FRAME_MS,
        stream=stream,
    )


async def _speak(emitter: tts.AudioEmitter, engine: HibariEngine, clauses: Iterable[str]) -> None:
    for clause in clauses:
        emitter.push((await engine.speak(clause)).tobytes())
        emitter.flush()  # otherwise the last frame of this clause would wait for the next clause
