"""The offline ears as livekit-agents' streaming STT: recognition and endpointing in one.

Use with `turn_detection="stt"` and an endpointing `min_delay` of 0: the end of speech that these ears report is the end of the turn.
"""

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Sequence
from typing import Any

import numpy as np
import structlog
from livekit import rtc
from livekit.agents import APIConnectOptions, LanguageCode, stt, utils
from livekit.agents.types import DEFAULT_API_CONNECT_OPTIONS, NOT_GIVEN, NotGivenOr
from livekit.local_inference import VAD

from agent.speech.audio import EAR_RATE, Samples, silence
from agent.speech.decoding import DecodeFailed, Decoder
from agent.speech.endpointing import Endpointer, JudgeCompleteness, Timing
from agent.speech.heard import Decode, Final, Heard, Interim, Preflight, SpeechBegan, SpeechEnded
from agent.speech.resampling import resampled

_log = structlog.get_logger(__name__)
_ENGLISH = LanguageCode("en")
_STARVED_S = 0.6
"""A microphone that is muted in the midst of a word sends nothing more, not even silence. Frames that are merely late, on a busy machine or
a poor line, must not be taken for that: the silence put in their place would end the turn."""


class Ears(stt.STT[Any]):
    """Speech to text that also says when the caller has finished.

    `judge` tells whether words make a whole request; it may know what the dialogue waits for.
    """

    def __init__(self, decoder: Decoder, judge: JudgeCompleteness, timing: Timing | None = None) -> None:
        super().__init__(capabilities=stt.STTCapabilities(streaming=True, interim_results=True))
        self._decoder = decoder
        self._judge = judge
        self._timing = timing

    @property
    def model(self) -> str:
        """Name of the model, for usage reports."""
        return "moonshine-tiny-en"

    @property
    def provider(self) -> str:
        """Where it runs."""
        return "local"

    async def _recognize_impl(
        self,
        buffer: utils.AudioBuffer,
        *,
        language: NotGivenOr[str] = NOT_GIVEN,  # noqa: ARG002 - the framework's signature; the model knows one language
        conn_options: APIConnectOptions = DEFAULT_API_CONNECT_OPTIONS,  # noqa: ARG002 - there is no connection
    ) -> stt.SpeechEvent:
        frame = utils.merge_frames(buffer)
        samples = resampled(np.frombuffer(frame.data, np.int16), frame.sample_rate, EAR_RATE)
        text = await self._decoder.transcribe(samples)
        return _event(stt.SpeechEventType.FINAL_TRANSCRIPT, text)

    def stream(
        self,
        *,
        language: NotGivenOr[str] = NOT_GIVEN,  # noqa: ARG002 - the framework's signature; the model knows one language
        conn_options: APIConnectOptions = DEFAULT_API_CONNECT_OPTIONS,
    ) -> "EarStream":
        """Listens to one caller."""
        return EarStream(
            self, conn_options, self._decoder, Endpointer(VAD().predict, self._judge, self._timing)
        )


class EarStream(stt.RecognizeStream):
    """One caller's audio: feeds the endpointer, runs the decodes it asks for, and reports what it hears as STT events."""

    def __init__(
        self, ears: Ears, conn_options: APIConnectOptions, decoder: Decoder, endpointer: Endpointer
    ) -> None:
        super().__init__(stt=ears, conn_options=conn_options, sample_rate=EAR_RATE)
        self._decoder = decoder
        self._endpointer = endpointer

    async def _run(self) -> None:
        async with asyncio.TaskGroup() as decodes:

            def report(events: Sequence[Heard]) -> None:
                for event in events:
                    if isinstance(event, Decode):
                        decodes.create_task(self._decode(event, report))
                    else:
                        self._event_ch.send_nowait(self._reported(event))

            async for samples in self._audio():
                report(self._endpointer.hear(samples))

    async def _audio(self) -> AsyncIterator[Samples]:
        frames = aiter(self._input_ch)
        while True:
            try:
                async with asyncio.timeout(_STARVED_S if self._endpointer.speaking else None):
                    frame = await anext(frames)
            except TimeoutError:
                yield silence(round(_STARVED_S * 1000))
            except StopAsyncIteration:
                return
            else:
                if isinstance(frame, rtc.AudioFrame):
                    yield np.frombuffer(frame.data, np.int16)

    async def _decode(self, request: Decode, report: Callable[[Sequence[Heard]], None]) -> None:
        try:
            text = await self._decoder.transcribe(request.samples)
        except DecodeFailed:
            _log.exception("decode failed", samples=len(request.samples))
            text = ""
        report(self._endpointer.decoded(request, text))

    def _reported(self, event: Heard) -> stt.SpeechEvent:
        match event:
            case SpeechBegan(at_ms):
                return stt.SpeechEvent(
                    stt.SpeechEventType.START_OF_SPEECH, speech_start_time=self._wall_clock(at_ms)
                )
            case Interim(text):
                return _event(stt.SpeechEventType.INTERIM_TRANSCRIPT, text)
            case Preflight(text):
                return _event(stt.SpeechEventType.PREFLIGHT_TRANSCRIPT, text)
            case Final(text, at_ms):
                return _event(stt.SpeechEventType.FINAL_TRANSCRIPT, text, ended=self._wall_clock(at_ms))
            case SpeechEnded(at_ms):
                return stt.SpeechEvent(
                    stt.SpeechEventType.END_OF_SPEECH, speech_end_time=self._wall_clock(at_ms)
                )
            case Decode():
                raise AssertionError("a decode is run, not reported")

    def _wall_clock(self, at_ms: int) -> float:
        return time.time() - (self._endpointer.clock_ms - at_ms) / 1000


def _event(kind: stt.SpeechEventType, text: str, *, ended: float | None = None) -> stt.SpeechEvent:
    words = stt.SpeechData(language=_ENGLISH, text=text, confidence=1.0)
    return stt.SpeechEvent(kind, alternatives=[words], speech_end_time=ended)
