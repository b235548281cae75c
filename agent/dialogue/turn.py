"""One turn: an understood utterance with all that a flow needs to answer it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date
from typing import Any

from agent.dialogue.context import Context
from agent.dialogue.events import Events, Speech
from agent.dialogue.frames import Frame
from agent.dialogue.phrasing import phrase
from agent.dialogue.places import Place
from agent.dialogue.state import About, DialogueState, Question
from agent.dialogue.tool_use import ToolUse
from agent.dialogue.tools import Tools


@dataclass(slots=True)
class Turn:
    """What a flow works with. It reads the frame, changes the state and yields events. `text` is the utterance in lower case."""

    text: str
    frame: Frame
    state: DialogueState
    context: Context
    tools: Tools
    answered: Question | None
    new_id: Callable[[], str]
    patience: float

    def today_at(self, place: Place | None) -> date:
        """The date now at a place, at home when there is none yet."""
        return self.context.today_at(place)

    def ask(self, about: About, name: str, /, **parts: str) -> Speech:
        """Asks the question called `name` and remembers that it is open."""
        return self.question(Question(about, phrase(name, **parts)))

    def question(self, question: Question) -> Speech:
        """Asks a question and remembers that it is open."""
        self.state.question = question
        return Speech(question.words)

    def use(self, tool: ToolUse[Any]) -> Events:
        """Uses a tool; see `ToolUse`."""
        return tool.events(self.new_id(), self.patience)


Flow = Callable[[Turn], Events]
