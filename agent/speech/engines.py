"""The models of a process, loaded once before its first call."""

from dataclasses import dataclass

from agent.speech.hibari_engine import Voice
from agent.speech.moonshine_engine import Moonshine


@dataclass(frozen=True)
class Engines:
    """What hears and what speaks."""

    moonshine: Moonshine
    voice: Voice

    @classmethod
    def load(cls) -> "Engines":
        """Loads and warms everything; takes seconds."""
        return cls(Moonshine(), Voice())

    def close(self) -> None:
        """Frees what was loaded."""
        self.moonshine.close()
        self.voice.close()
