"""A plain livekit-agents set-up with Readback's models, as a baseline for turn latency.

It follows the framework's guide:

* STT: Moonshine tiny-en by its library's own call, as a batch STT. The framework passes an utterance to it
  when the voice detector reports its end, so there are no interim results.
* TTS: hibari without streaming. The framework splits the answer into sentences and plays each when it is
  ready, including the silence at its ends.
* VAD: `livekit-plugins-silero` without options.
* Turns: `turn_detection="vad"` and `interruption={"mode": "vad"}`, because the default models run in the
  vendor's cloud. All other options of session and room are defaults: 0.5 s endpointing delay, preemptive
  generation, 50 ms frames.
* LLM: answers immediately with one sentence like Readback's, so neither side's latency includes the
  time of a language model.
"""

from __future__ import annotations

import asyncio
import logging
from importlib.resources import as_file, files
from typing import Any

import numpy as np
from hibari import SAMPLE_RATE, Hibari
from livekit.agents import (
    AgentServer,
    APIConnectOptions,
    JobContext,
    JobProcess,
    LanguageCode,
    llm,
    stt,
    tts,
    utils,
)
from livekit.agents.types import DEFAULT_API_CONNECT_OPTIONS
from livekit.agents.voice import Agent, AgentSession
from livekit.plugins import silero
from moonshine_voice import ModelArch, Transcriber

from mesh.settings import MeshSettings, load

NAME = "plain"
READY = "ready"
"""Printed when the worker is registered. Earlier dispatches are lost."""

GREETING = "Hello, where would you like to fly?"
ANSWER = "There are seven flights from Chennai to Delhi tomorrow. Which one would you like?"


class PlainSTT(stt.STT[Any]):
    """Moonshine, one utterance at a time."""

    def __init__(self) -> None:
        super().__init__(capabilities=stt.STTCapabilities(streaming=False, interim_results=False))
        with as_file(files("moonshine_voice") / "assets" / "tiny-en") as model:
            self._transcriber = Transcriber(str(model), ModelArch.TINY)

    async def _recognize_impl(self, buffer: utils.AudioBuffer, **_: Any) -> stt.SpeechEvent:
        frame = utils.merge_frames(buffer)
        audio = (np.frombuffer(frame.data, np.int16) / 32768).tolist()
        transcript = await asyncio.to_thread(
            self._transcriber.transcribe_without_streaming, audio, frame.sample_rate
        )
        text = " ".join(line.text for line in transcript.lines)
        return stt.SpeechEvent(
            stt.SpeechEventType.FINAL_TRANSCRIPT,
            alternatives=[stt.SpeechData(language=LanguageCode("en"), text=text)],
        )


class PlainTTS(tts.TTS[Any]):
    """hibari, one sentence at a time."""

    def __init__(self) -> None:
        super().__init__(
            capabilities=tts.TTSCapabilities(streaming=False), sample_rate=SAMPLE_RATE, num_channels=1
        )
        self.hibari = Hibari()
        self.hibari("Ready.")

    def synthesize(
        self, text: str, *, conn_options: APIConnectOptions = DEFAULT_API_CONNECT_OPTIONS
    ) -> tts.ChunkedStream:
        """Speak a sentence."""
        return PlainSpeech(tts=self, input_text=text, conn_options=conn_options)


class PlainSpeech(tts.ChunkedStream):
    """Speech of one sentence."""

    _tts: PlainTTS

    async def _run(self, output_emitter: tts.AudioEmitter) -> None:
        output_emitter.initialize(
            request_id="plain", sample_rate=SAMPLE_RATE, num_channels=1, mime_type="audio/pcm"
        )
        audio = await asyncio.to_thread(self._tts.hibari, self.input_text)
        output_emitter.push((np.clip(audio, -1, 1) * 32767).astype(np.int16).tobytes())


class PlainLLM(llm.LLM[Any]):
    """A model that answers immediately."""

    def chat(
        self,
        *,
        chat_ctx: llm.ChatContext,
        tools: list[llm.Tool] | None = None,
        conn_options: APIConnectOptions = DEFAULT_API_CONNECT_OPTIONS,
        **_: Any,
    ) -> llm.LLMStream:
        """Return the fixed answer."""
        return PlainAnswer(self, chat_ctx=chat_ctx, tools=tools or [], conn_options=conn_options)


class PlainAnswer(llm.LLMStream):
    """One answer."""

    async def _run(self) -> None:
        delta = llm.ChoiceDelta(role="assistant", content=ANSWER)
        self._event_ch.send_nowait(llm.ChatChunk(id="plain", delta=delta))


def prewarm(process: JobProcess) -> None:
    """Load the models before the call, as the guide says."""
    process.userdata.update(stt=PlainSTT(), tts=PlainTTS(), vad=silero.VAD.load())


async def answer(job: JobContext) -> None:
    """Hold one call."""
    models = job.proc.userdata
    session = AgentSession[None](
        stt=models["stt"],
        tts=models["tts"],
        vad=models["vad"],
        llm=PlainLLM(),
        turn_handling={"turn_detection": "vad", "interruption": {"mode": "vad"}},
    )
    await session.start(Agent(instructions=""), room=job.room)
    session.say(GREETING)


def main() -> None:
    """Accept calls until the process ends."""
    logging.basicConfig(level="WARNING")
    settings = load(MeshSettings)
    keys = settings.livekit_worker_keys
    server = AgentServer(
        ws_url=settings.livekit_url,
        api_key=keys.key,
        api_secret=keys.secret,
        host="127.0.0.1",
        port=0,
        num_idle_processes=1,
        # The load limit is off, because a busy machine would get no call.
        load_threshold=float("inf"),
        load_fnc=lambda: 0.0,
        initialize_process_timeout=60,
        setup_fnc=prewarm,
    )
    server.rtc_session(answer, agent_name=NAME)
    server.on("worker_registered", lambda *_: print(READY, flush=True))
    asyncio.run(server.run())


if __name__ == "__main__":
    # Job processes find their functions by module name, which is `__main__` here.
    from bench.baselines import plain_agent

    plain_agent.main()
