"""livekit-agents' streaming TTS over hibari: speaks clause by clause while the text grows."""

from collections.abc import Iterable
from typing import Any

from livekit.agents import APIConnectOptions, tts
from livekit.agents.types import DEFAULT_API_CONNECT_OPTIONS

from agent.speech.clauses import Clauses
from agent.speech.hibari_engine import TTS_RATE, HibariEngine
from mesh.ids import uuid7

_FRAME_MS = 50


class HibariTTS(tts.TTS[Any]):
    """Text to speech with the `HibariEngine` of this process."""

    def __init__(self, engine: HibariEngine) -> None:
        super().__init__(
            capabilities=tts.TTSCapabilities(streaming=True), sample_rate=TTS_RATE, num_channels=1
        )
        self._engine = engine

    @property
    def model(self) -> str:
        """Name of the model, for usage reports."""
        return "hibari-heart"

    @property
    def provider(self) -> str:
        """Name of the provider, for usage reports."""
        return "local"

    def synthesize(
        self, text: str, *, conn_options: APIConnectOptions = DEFAULT_API_CONNECT_OPTIONS
    ) -> "CompleteText":
        """Speak a complete text."""
        return CompleteText(self, self._engine, text, conn_options)

    def stream(self, *, conn_options: APIConnectOptions = DEFAULT_API_CONNECT_OPTIONS) -> "GrowingText":
        """Speak a text that grows."""
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
    """Speech of a text that grows."""

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
        emitter.flush()  # without it the last frame of the clause waits for the next one
