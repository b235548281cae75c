"""What a call needs of the dialogue behind it."""

from collections.abc import AsyncIterator
from typing import Protocol

from agent.dialogue.events import Event
from agent.speech.endpointing import Completeness


class Dialogue(Protocol):
    """The side of one conversation that thinks."""

    def greeting(self, *, resumed: bool) -> str:
        """First words of a call. `resumed`: the caller was cut off in the midst of one."""

    def turn(self, text: str) -> AsyncIterator[Event]:
        """Answers what the customer said or typed. Closed early when they barge in."""

    def completeness(self, text: str) -> Completeness:
        """Whether these words make a whole answer to what the dialogue waits for."""
