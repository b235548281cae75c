"""Where the agent's words pass by at the moment they are spoken.

livekit-agents' synchroniser paces text along the sound. It writes into `SpokenWords`, one word at a time, and its sound tells when the
caller begins and ceases to hear.
"""

from datetime import UTC, datetime
from typing import Any

from livekit.agents.voice import AgentSession, TranscriptSynchronizer, io

from agent.recording.utterances import AgentSpeech


class SpokenWords(io.TextOutput):
    """Hands each word to the record of the agent's speech."""

    def __init__(self, speech: AgentSpeech) -> None:
        super().__init__(label="spoken words", next_in_chain=None)
        self._speech = speech

    async def capture_text(self, text: str) -> None:
        """The next word, with the space that goes with it."""
        self._speech.word(text)

    def flush(self) -> None:
        """The end of the sound, not of the text, ends an utterance."""


def attach(session: AgentSession[Any], speech: AgentSpeech) -> TranscriptSynchronizer:
    """Paces the text of a session that has started, and not yet spoken, along its sound. Close what is returned after the session."""
    sound = session.output.audio
    assert sound is not None
    synchronizer = TranscriptSynchronizer(next_in_chain_audio=sound, next_in_chain_text=SpokenWords(speech))
    synchronizer.audio_output.on("playback_started", lambda event: speech.begin(_time(event.created_at)))
    synchronizer.audio_output.on("playback_finished", lambda event: _ended(speech, event))
    session.output.audio = synchronizer.audio_output
    session.output.transcription = synchronizer.text_output
    return synchronizer


def _ended(speech: AgentSpeech, event: io.PlaybackFinishedEvent) -> None:
    speech.end(datetime.now(UTC), interrupted=event.interrupted, spoken=event.synchronized_transcript)


def _time(seconds: float) -> datetime:
    return datetime.fromtimestamp(seconds, UTC)
