"""Hooks into livekit-agents' session that record recognised, generated and spoken words.

livekit-agents' `TranscriptSynchronizer` outputs each word when its audio is played. Its audio output reports
the start and end of playback.
"""

from collections.abc import AsyncIterable, Callable
from datetime import UTC, datetime
from typing import Any

from livekit import rtc
from livekit.agents import stt
from livekit.agents.stt import SpeechEventType
from livekit.agents.voice import Agent, AgentSession, ModelSettings, TranscriptSynchronizer, io

from agent.language.hearing import WORD_CONFIDENCES
from agent.recording.utterances import AgentSpeech, CustomerSpeech


class RecordingAgent(Agent):
    """Agent that records recognised words and generated text, and passes them on unchanged."""

    def __init__(self, customer: CustomerSpeech, speech: AgentSpeech) -> None:
        super().__init__(instructions="")
        self._customer, self._speech = customer, speech

    async def stt_node(
        self, audio: AsyncIterable[rtc.AudioFrame], model_settings: ModelSettings
    ) -> AsyncIterable[stt.SpeechEvent]:
        """Recognise speech, and record each event before passing it on."""
        async for event in Agent.default.stt_node(self, audio, model_settings):
            assert isinstance(event, stt.SpeechEvent)
            self._record(event)
            yield event

    async def transcription_node(
        self,
        text: AsyncIterable[Any],
        model_settings: ModelSettings,  # noqa: ARG002 - the framework's signature
    ) -> AsyncIterable[Any]:
        """Record generated text, and pass it on to the synchronizer."""
        self._speech.generation_started()
        async for piece in text:
            self._speech.generated(str(piece))
            yield piece

    def _record(self, event: stt.SpeechEvent) -> None:
        match event.type:
            case SpeechEventType.START_OF_SPEECH:
                self._customer.started(_time(event.speech_start_time or event.created_at))
            case SpeechEventType.INTERIM_TRANSCRIPT | SpeechEventType.PREFLIGHT_TRANSCRIPT:
                self._customer.interim(event.alternatives[0].text)
            case SpeechEventType.FINAL_TRANSCRIPT:
                end = _time(event.speech_end_time or event.created_at)
                words = event.alternatives[0]
                confidences = (words.metadata or {}).get(WORD_CONFIDENCES, ())
                self._customer.final(words.text, end, confidences)
            case _:
                pass


class SpokenWords(io.TextOutput):
    """Text output that records each word as it is spoken."""

    def __init__(self, speech: AgentSpeech) -> None:
        super().__init__(label="spoken words", next_in_chain=None)
        self._speech = speech

    async def capture_text(self, text: str) -> None:
        """Record the next word. `text` includes the space next to it."""
        self._speech.spoken(text)

    def flush(self) -> None:
        """Do nothing: an utterance ends at the end of playback, not at the end of the text."""


def record_playback(
    session: AgentSession[Any], speech: AgentSpeech, on_started: Callable[[], None]
) -> TranscriptSynchronizer:
    """Record the words that a session speaks, and return the synchronizer that paces them.

    `on_started` is called when the caller begins to hear an utterance.

    Call it after the session has started and before any speech. Close the synchronizer after the session.
    """
    audio = session.output.audio
    assert audio is not None
    synchronizer = TranscriptSynchronizer(next_in_chain_audio=audio, next_in_chain_text=SpokenWords(speech))
    output = synchronizer.audio_output
    output.on("playback_started", lambda event: speech.playback_started(_time(event.created_at)))
    output.on("playback_started", lambda _: on_started())
    output.on("playback_finished", lambda event: _finished(speech, event))
    session.output.audio = output
    session.output.transcription = synchronizer.text_output
    return synchronizer


def _finished(speech: AgentSpeech, event: io.PlaybackFinishedEvent) -> None:
    speech.playback_finished(
        datetime.now(UTC), interrupted=event.interrupted, spoken=event.synchronized_transcript
    )


def _time(seconds: float) -> datetime:
    return datetime.fromtimestamp(seconds, UTC)
