"""What any recogniser of whole utterances can do."""

from typing import Protocol

from agent.speech.audio import Samples


class DecodeFailed(Exception):
    """The recogniser could not decode this audio; the next may go well."""


class Decoder(Protocol):
    """A recogniser of whole utterances."""

    async def transcribe(self, samples: Samples) -> str:
        """Text of an utterance at 16 kHz; empty when nothing was said. Raises `DecodeFailed`."""
