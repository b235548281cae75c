"""What the ears make of one caller's audio."""

from dataclasses import dataclass, field
from typing import TypeAlias

from agent.speech.audio import Samples


@dataclass(frozen=True)
class SpeechBegan:
    """Somebody began to speak, at this position of the stream in milliseconds."""

    at_ms: int


@dataclass(frozen=True)
class Interim:
    """All words so far of an utterance that goes on."""

    text: str


@dataclass(frozen=True)
class Preflight:
    """All words of what may be the whole utterance; it may still go on."""

    text: str


@dataclass(frozen=True)
class Final:
    """All words of the utterance, whose last loud sample was at this position of the stream in milliseconds."""

    text: str
    at_ms: int


@dataclass(frozen=True)
class SpeechEnded:
    """The utterance is over; its last loud sample was at this position of the stream in milliseconds."""

    at_ms: int


@dataclass(frozen=True)
class Decode:
    """Asks for the text of these samples; the answer goes to `Endpointer.decoded`. Never more than one is open."""

    samples: Samples = field(repr=False)
    utterance: int
    pause: int | None
    """Which pause of the utterance it ends in; `None` in the midst of speech."""
    asked_ms: int


Heard: TypeAlias = SpeechBegan | Interim | Preflight | Final | SpeechEnded | Decode
