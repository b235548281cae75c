"""livekit-agents' streaming STT over an offline recogniser: recognition and endpointing in one.

Use it with `turn_detection="stt"` and an endpointing `min_delay` of 0, because the end of speech that it
reports is already the end of the turn.
"""

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import replace
from typing import Any, Protocol

import numpy as np
import structlog
from livekit import rtc
from livekit.agents import APIConnectOptions, LanguageCode, stt, utils
from livekit.agents.types import DEFAULT_API_CONNECT_OPTIONS, NOT_GIVEN, NotGivenOr
from livekit.local_inference import VAD

from agent.language.hearing import WORD_CONFIDENCES, Expected, Transcript
from agent.speech.audio import STT_RATE, Samples, resampled, silence
from agent.speech.endpointing import (
    CompletenessOf,
    DecodeRequest,
    Endpointer,
    EndpointingEvent,
    Final,
    Interim,
    Preflight,
    SpeechEnded,
    SpeechStarted,
    Timing,
)
from agent.speech.own_decoder import DecodeFailed

_log = structlog.get_logger(__name__)
_ENGLISH = LanguageCode("en")
_MAX_FRAME_GAP_S = 0.6
"""Seconds without an audio frame after which silence is added to an open utterance. A microphone that is
muted during a word sends no more frames, so the utterance would never end. The time is long, so that frames
which are only late, on a busy machine or a poor network, don't end the utterance."""


class Decoder(Protocol):
    """Speech recogniser for whole utterances."""

    async def transcribe(self, samples: Samples, expected: Expected | None = None) -> Transcript:
        """Return the transcript of an utterance (16 kHz). Raises `DecodeFailed`.

        Without `expected` the utterance isn't finished, and a quick transcript will do.
        """


class MoonshineSTT(stt.STT[Any]):
    """Speech to text that also reports the end of the caller's turn.

    `completeness_of` estimates how complete the utterance so far is. It may use the agent's last question.
    `expected` returns the answer that the dialogue expects. `on_final` gets the transcript of each finished
    utterance before livekit-agents does.
    """

    def __init__(
        self,
        decoder: Decoder,
        completeness_of: CompletenessOf,
        timing: Timing | None = None,
        *,
        expected: Callable[[], Expected] = Expected,
        on_final: Callable[[Transcript], None] = lambda _: None,
    ) -> None:
        super().__init__(capabilities=stt.STTCapabilities(streaming=True, interim_results=True))
        self._decoder = decoder
        self._completeness_of = completeness_of
        self._timing = timing
        self._expected, self._on_final = expected, on_final

    async def _recognize_impl(
        self,
        buffer: utils.AudioBuffer,
        *,
        language: NotGivenOr[str] = NOT_GIVEN,  # noqa: ARG002 - the model knows one language
        conn_options: APIConnectOptions = DEFAULT_API_CONNECT_OPTIONS,  # noqa: ARG002 - no connection
    ) -> stt.SpeechEvent:
        frame = utils.merge_frames(buffer)
        samples = resampled(np.frombuffer(frame.data, np.int16), frame.sample_rate, STT_RATE)
        transcript = await self._decoder.transcribe(samples, self._expected())
        return _transcript(stt.SpeechEventType.FINAL_TRANSCRIPT, transcript.text)

    def stream(
        self,
        *,
        language: NotGivenOr[str] = NOT_GIVEN,  # noqa: ARG002 - the model knows one language
        conn_options: APIConnectOptions = DEFAULT_API_CONNECT_OPTIONS,
    ) -> "MoonshineStream":
        """Return a stream that recognises the speech of one caller."""
        endpointer = Endpointer(VAD().predict, self._completeness_of, self._timing)
        return MoonshineStream(self, conn_options, self._decoder, endpointer, self._expected, self._on_final)


class MoonshineStream(stt.RecognizeStream):
    """Recognition of one caller's audio: runs the endpointer and its decodes, and emits its events."""

    def __init__(
        self,
        moonshine_stt: MoonshineSTT,
        conn_options: APIConnectOptions,
        decoder: Decoder,
        endpointer: Endpointer,
        expected: Callable[[], Expected],
        on_final: Callable[[Transcript], None],
    ) -> None:
        super().__init__(stt=moonshine_stt, conn_options=conn_options, sample_rate=STT_RATE)
        self._decoder = decoder
        self._endpointer = endpointer
        self._expected, self._on_final = expected, on_final
        self._latest = Transcript()
        """The transcript of the latest pause. The endpointer counts only its text."""

    async def _run(self) -> None:
        async with asyncio.TaskGroup() as decodes:

            def report(events: Sequence[EndpointingEvent]) -> None:
                for event in events:
                    if isinstance(event, DecodeRequest):
                        decodes.create_task(self._decode(event, report))
                    else:
                        self._event_ch.send_nowait(self._livekit_event(event))

            async for samples in self._audio():
                report(self._endpointer.push_audio(samples))

    async def _audio(self) -> AsyncIterator[Samples]:
        frames = aiter(self._input_ch)
        while True:
            try:
                async with asyncio.timeout(_MAX_FRAME_GAP_S if self._endpointer.speaking else None):
                    frame = await anext(frames)
            except TimeoutError:
                yield silence(round(_MAX_FRAME_GAP_S * 1000))
            except StopAsyncIteration:
                return
            else:
                if isinstance(frame, rtc.AudioFrame):
                    yield np.frombuffer(frame.data, np.int16)

    async def _decode(
        self, request: DecodeRequest, report: Callable[[Sequence[EndpointingEvent]], None]
    ) -> None:
        finished = request.pause is not None
        try:
            transcript = await self._decoder.transcribe(
                request.samples, self._expected() if finished else None
            )
        except DecodeFailed:
            _log.exception("decode failed", samples=len(request.samples))
            transcript = Transcript()
        if finished:
            self._latest = transcript
        report(self._endpointer.push_text(request, transcript.text))

    def _livekit_event(self, event: EndpointingEvent) -> stt.SpeechEvent:
        match event:
            case SpeechStarted(at_ms):
                return stt.SpeechEvent(
                    stt.SpeechEventType.START_OF_SPEECH, speech_start_time=self._wall_clock(at_ms)
                )
            case Interim(text):
                return _transcript(stt.SpeechEventType.INTERIM_TRANSCRIPT, text)
            case Preflight(text):
                return _transcript(stt.SpeechEventType.PREFLIGHT_TRANSCRIPT, text)
            case Final(text, at_ms):
                final, end = self._final(text), self._wall_clock(at_ms)
                self._on_final(final)
                return _transcript(stt.SpeechEventType.FINAL_TRANSCRIPT, text, final.confidences, end=end)
            case SpeechEnded(at_ms):
                return stt.SpeechEvent(
                    stt.SpeechEventType.END_OF_SPEECH, speech_end_time=self._wall_clock(at_ms)
                )
            case DecodeRequest():
                raise AssertionError("decode requests are run, not reported")

    def _final(self, text: str) -> Transcript:
        """Return the transcript of a finished utterance, of which the latest decode may be only the end."""
        latest, self._latest = self._latest, Transcript()
        if latest.text == text:
            return latest
        return replace(latest, text=text, confidences=()) if text.endswith(latest.text) else Transcript(text)

    def _wall_clock(self, at_ms: int) -> float:
        return time.time() - (self._endpointer.clock_ms - at_ms) / 1000


def _transcript(
    kind: stt.SpeechEventType, text: str, confidences: Sequence[float] = (), *, end: float | None = None
) -> stt.SpeechEvent:
    metadata = {WORD_CONFIDENCES: confidences}
    words = stt.SpeechData(language=_ENGLISH, text=text, confidence=1.0, metadata=metadata)
    return stt.SpeechEvent(kind, alternatives=[words], speech_end_time=end)
