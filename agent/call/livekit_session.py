"""livekit-agents' session for one call, configured to use no cloud service.

By default livekit-agents 1.8 uses LiveKit's hosted turn detector and adaptive interruption when it finds
credentials, and starts generating an answer before a turn is over. Here the speech recogniser ends a turn,
and a local voice detector finds interruptions. Each answer is generated once, after the turn, because
generating it calls tools and writes to the log.
"""

from dataclasses import dataclass

from livekit import rtc
from livekit.agents.voice import AgentSession
from livekit.agents.voice.room_io import AudioInputOptions, AudioOutputOptions, RoomOptions

from agent.call.dialogue_llm import DialogueLLM
from agent.speech.audio import STT_RATE
from agent.speech.barge_in import INTERRUPTION, BargeInDetector
from agent.speech.hibari_engine import TTS_RATE, HibariEngine
from agent.speech.moonshine_engine import MoonshineEngine
from agent.speech.speech_to_text import MoonshineSTT
from agent.speech.text_to_speech import HibariTTS


@dataclass(frozen=True)
class SpeechEngines:
    """Models for speech recognition and synthesis, loaded once before the first call."""

    moonshine: MoonshineEngine
    hibari: HibariEngine

    @classmethod
    def load(cls) -> "SpeechEngines":
        """Load both models and run each once. This blocks for seconds."""
        return cls(MoonshineEngine(), HibariEngine())

    def close(self) -> None:
        """Wait for running work, then free both models."""
        self.moonshine.close()
        self.hibari.close()


def make_session(engines: SpeechEngines, dialogue_llm: DialogueLLM) -> AgentSession[None]:
    """Return a session whose recognition, dialogue and voice all run on this machine."""
    return AgentSession(
        stt=MoonshineSTT(
            engines.moonshine,
            dialogue_llm.dialogue.completeness,
            expected=dialogue_llm.dialogue.expected,
            on_final=dialogue_llm.dialogue.heard,
        ),
        vad=BargeInDetector(),
        llm=dialogue_llm,
        tts=HibariTTS(engines.hibari),
        turn_handling={
            "turn_detection": "stt",
            "endpointing": {"mode": "fixed", "min_delay": 0.0, "max_delay": 0.0},
            "interruption": INTERRUPTION,
            "preemptive_generation": {"enabled": False},
        },
        tts_text_transforms=None,
        aec_warmup_duration=None,
        user_away_timeout=None,
    )


def room_options(caller_identity: str) -> RoomOptions:
    """Return room options: audio to and from this caller, no video, no text.

    `VoiceCall` handles captions, typed messages and disconnects itself.
    """
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
