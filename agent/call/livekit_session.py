"""livekit-agents' session for one call, with nothing left to defaults that reach for a cloud.

Left alone, 1.8 takes LiveKit's hosted turn detector and adaptive interruption where it finds credentials, and starts generating before a
turn is over. Here the ears say when a turn ends, a voice detector on this machine says when the caller barges in, and nothing is generated
twice: a turn uses tools and writes the log.
"""

from collections.abc import AsyncIterable
from datetime import UTC, datetime
from typing import Any

from livekit import rtc
from livekit.agents import stt
from livekit.agents.voice import Agent, AgentSession, ModelSettings
from livekit.agents.voice.room_io import AudioInputOptions, AudioOutputOptions, RoomOptions

from agent.call.dialogue_llm import PolicyLLM
from agent.recording.utterances import AgentSpeech, CustomerSpeech
from agent.speech.audio import STT_RATE
from agent.speech.barge_in import BargeInDetector
from agent.speech.engines import SpeechEngines
from agent.speech.hibari_engine import TTS_RATE
from agent.speech.speech_to_text import MoonshineSTT
from agent.speech.text_to_speech import HibariTTS

_BARGE_IN_S = 0.2
"""Voice over the agent's own for this long pauses it: 0.1 s stops for every cough, the framework's 0.5 s leaves 670 ms of both talking."""

_FALSE_ALARM_S = 1.0
"""The agent goes on when no word came of it."""


class RecordedAgent(Agent):
    """Lets what is heard and what is to be said pass by the record."""

    def __init__(self, customer: CustomerSpeech, speech: AgentSpeech) -> None:
        super().__init__(instructions="")
        self._customer, self._speech = customer, speech

    async def stt_node(
        self, audio: AsyncIterable[rtc.AudioFrame], model_settings: ModelSettings
    ) -> AsyncIterable[stt.SpeechEvent]:
        """Recognises, and records words as they come."""
        async for event in Agent.default.stt_node(self, audio, model_settings):
            assert isinstance(event, stt.SpeechEvent)
            self._record(event)
            yield event

    async def transcription_node(
        self,
        text: AsyncIterable[Any],
        model_settings: ModelSettings,  # noqa: ARG002 - the framework's signature
    ) -> AsyncIterable[Any]:
        """Passes text on to be paced, and keeps what was meant to be said."""
        self._speech.prepare()
        async for piece in text:
            self._speech.generate(str(piece))
            yield piece

    def _record(self, event: stt.SpeechEvent) -> None:
        match event.type:
            case stt.SpeechEventType.START_OF_SPEECH:
                self._customer.began(_time(event.speech_start_time or event.created_at))
            case stt.SpeechEventType.INTERIM_TRANSCRIPT | stt.SpeechEventType.PREFLIGHT_TRANSCRIPT:
                self._customer.interim(event.alternatives[0].text)
            case stt.SpeechEventType.FINAL_TRANSCRIPT:
                self._customer.final(
                    event.alternatives[0].text, _time(event.speech_end_time or event.created_at)
                )
            case _:
                pass


def make_session(engines: SpeechEngines, policy: PolicyLLM) -> AgentSession[None]:
    """A session that hears, thinks and speaks on this machine alone."""
    return AgentSession(
        stt=MoonshineSTT(engines.moonshine, policy.dialogue.completeness),
        vad=BargeInDetector(),
        llm=policy,
        tts=HibariTTS(engines.voice),
        turn_handling={
            "turn_detection": "stt",
            "endpointing": {"mode": "fixed", "min_delay": 0.0, "max_delay": 0.0},
            "interruption": {
                "enabled": True,
                "mode": "vad",
                "min_duration": _BARGE_IN_S,
                "min_words": 0,
                "resume_false_interruption": True,
                "false_interruption_timeout": _FALSE_ALARM_S,
            },
            "preemptive_generation": {"enabled": False},
        },
        tts_text_transforms=None,
        aec_warmup_duration=None,
        user_away_timeout=None,
    )


def room_options(caller_identity: str) -> RoomOptions:
    """How a session joins a room: sound both ways with this caller. Captions, typed text and hanging up are not its business."""
    return RoomOptions(
        participant_identity=caller_identity,
        audio_input=AudioInputOptions(
            sample_rate=STT_RATE, frame_size_ms=20, auto_gain_control=False, pre_connect_audio=False
        ),
        audio_output=AudioOutputOptions(
            sample_rate=TTS_RATE,
            track_name="agent",
            track_publish_options=rtc.TrackPublishOptions(
                source=rtc.TrackSource.SOURCE_MICROPHONE, dtx=True, red=True
            ),
        ),
        video_input=False,
        text_input=False,
        text_output=False,
        close_on_disconnect=False,
    )


def _time(seconds: float) -> datetime:
    return datetime.fromtimestamp(seconds, UTC)
