"""The speech models of a process."""

from dataclasses import dataclass

from agent.speech.hibari_engine import HibariEngine
from agent.speech.moonshine_engine import MoonshineEngine


@dataclass(frozen=True)
class SpeechEngines:
    """Recogniser and voice, loaded once before the first call."""

    moonshine: MoonshineEngine
    hibari: HibariEngine

    @classmethod
    def load(cls) -> "SpeechEngines":
        """Load and warm both models. Takes seconds."""
        return cls(MoonshineEngine(), HibariEngine())

    def close(self) -> None:
        """Free both models."""
        self.moonshine.close()
        self.hibari.close()
