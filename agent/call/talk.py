"""Joins the deterministic dialogue to a call: gives it the time, and words for what only a call can go through."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import aclosing

from agent.dialogue.dialogue import Dialogue
from agent.dialogue.turn import Event
from agent.language.meanings import Completeness as Judgement
from agent.speech.endpointing import Completeness
from mesh.clock import Clock

_LOST_YOU = "Sorry, I lost you for a moment."
_GO_ON = "Please go on."
_JUDGED: dict[Judgement, Completeness] = {
    Judgement.COMPLETE: "complete",
    Judgement.UNKNOWN: "unknown",
    Judgement.INCOMPLETE: "incomplete",
}


class Talk:
    """An `agent.call.turns.Dialogue`."""

    def __init__(self, dialogue: Dialogue, clock: Clock) -> None:
        self._dialogue, self._clock = dialogue, clock

    def greeting(self, *, resumed: bool, answering: bool = False) -> str:
        """First words: a welcome, or after a loss an apology and where we were."""
        if not resumed:
            return " ".join(speech.text for speech in self._dialogue.opening(now=self._clock.now()))
        if answering:
            return _LOST_YOU
        question = self._dialogue.state.question
        return f"{_LOST_YOU} {question.words if question else _GO_ON}"

    async def turn(self, text: str) -> AsyncGenerator[Event, None]:
        """Answers what the customer said or typed."""
        async with aclosing(self._dialogue.respond(text, now=self._clock.now())) as events:
            async for event in events:
                yield event

    def completeness(self, text: str) -> Completeness:
        """Whether these words make a whole answer to what the dialogue waits for."""
        return _JUDGED[self._dialogue.completeness(text)]
