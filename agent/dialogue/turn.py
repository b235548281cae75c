"""One turn: an understood utterance with all that a flow needs to answer it."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Callable, Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any

from agent.dialogue.frames import Frame
from agent.dialogue.places import Place
from agent.dialogue.state import About, DialogueState, Question
from agent.dialogue.tools import Tools
from agent.dialogue.understanding import Context
from agent.language.en.phrases import phrase


@dataclass(frozen=True, slots=True)
class Speech:
    """A sentence to speak; the sentences of a turn joined by spaces are its text."""

    text: str


@dataclass(frozen=True, slots=True)
class ToolStarted:
    """A tool is being used; `tool_call_id` is a UUID, `arguments` plain data as a model would give them."""

    tool_call_id: str
    name: str
    arguments: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class ToolFinished:
    """The tool answered: `outcome` in one word (`FOUND`, `EMPTY`, `UNAVAILABLE`, …), `result` plain data with protobuf's field names."""

    tool_call_id: str
    name: str
    outcome: str
    result: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class End:
    """The conversation is over once what was said has been spoken."""


Event = Speech | ToolStarted | ToolFinished | End
Events = AsyncGenerator[Event, None]
"""The events of a turn as they come; close it to abandon the turn."""


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


Flow = Callable[[Turn], Events]
