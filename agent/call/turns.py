"""What a call needs of the dialogue behind it."""

from collections.abc import AsyncGenerator
from typing import Protocol

from agent.dialogue.turn import Event
from agent.speech.endpointing import Completeness


class Dialogue(Protocol):
    """The side of one conversation that thinks."""

    def greeting(self, *, resumed: bool, answering: bool = False) -> str:
        """First words of a call. `resumed`: the caller was cut off in the midst of one; `answering`: an answer follows at once."""

    def turn(self, text: str) -> AsyncGenerator[Event, None]:
        """Answers what the customer said or typed. Closed early when they barge in."""

    def completeness(self, text: str) -> Completeness:
        """Whether these words make a whole answer to what the dialogue waits for."""
