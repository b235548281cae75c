"""The offline voice as livekit-agents' streaming TTS: speaks clause by clause, while the text is still being written."""

from typing import Any

from livekit.agents import APIConnectOptions, tts
from livekit.agents.types import DEFAULT_API_CONNECT_OPTIONS

from agent.speech.clauses import Clauses
from agent.speech.hibari_engine import VOICE_RATE, Voice
from mesh.ids import uuid7

_FRAME_MS = 50


class HibariVoice(tts.TTS[Any]):
    """Text to speech with the `Voice` of this process."""

    def __init__(self, voice: Voice) -> None:
        super().__init__(
            capabilities=tts.TTSCapabilities(streaming=True), sample_rate=VOICE_RATE, num_channels=1
        )
        self._voice = voice

    @property
    def model(self) -> str:
        """Name of the model, for usage reports."""
        return "hibari-heart"

    @property
    def provider(self) -> str:
        """Where it runs."""
        return "local"

    def synthesize(
        self, text: str, *, conn_options: APIConnectOptions = DEFAULT_API_CONNECT_OPTIONS
    ) -> "WholeText":
        """Speaks a text that is there as a whole."""
        return WholeText(self, self._voice, text, conn_options)

    def stream(self, *, conn_options: APIConnectOptions = DEFAULT_API_CONNECT_OPTIONS) -> "GrowingText":
        """Speaks a text that is still being written."""
        return GrowingText(self, self._voice, conn_options)


class WholeText(tts.ChunkedStream):
    """Speech of a text that is there as a whole."""

    def __init__(self, hibari: HibariVoice, voice: Voice, text: str, conn_options: APIConnectOptions) -> None:
        super().__init__(tts=hibari, input_text=text, conn_options=conn_options)
        self._voice = voice

    async def _run(self, output_emitter: tts.AudioEmitter) -> None:
        _begin(output_emitter, stream=False)
        clauses = Clauses()
        for clause in [*clauses.push(self.input_text), *clauses.finish()]:
            await _emit(output_emitter, self._voice, clause)


class GrowingText(tts.SynthesizeStream):
    """Speech of a text that is still being written."""

    def __init__(self, hibari: HibariVoice, voice: Voice, conn_options: APIConnectOptions) -> None:
        super().__init__(tts=hibari, conn_options=conn_options)
        self._voice = voice

    async def _run(self, output_emitter: tts.AudioEmitter) -> None:
        _begin(output_emitter, stream=True)
        output_emitter.start_segment(segment_id=uuid7())
        clauses = Clauses()
        async for piece in self._input_ch:
            for clause in clauses.push(piece) if isinstance(piece, str) else clauses.finish():
                self._mark_started()
                await _emit(output_emitter, self._voice, clause)


def _begin(emitter: tts.AudioEmitter, *, stream: bool) -> None:
    emitter.initialize(
        request_id=uuid7(),
        sample_rate=VOICE_RATE,
        num_channels=1,
        mime_type="audio/pcm",
        frame_size_ms=_FRAME_MS,
        stream=stream,
    )


async def _emit(emitter: tts.AudioEmitter, voice: Voice, clause: str) -> None:
    emitter.push((await voice.speak(clause)).tobytes())
    emitter.flush()  # or the last frame of the clause waits for the next one
