"""One turn: the events it yields, and everything that a flow needs to answer an utterance."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from agent.dialogue.context import Context
from agent.dialogue.frames import Frame
from agent.dialogue.state import About, DialogueState, Question
from agent.dialogue.tools import Tools
from agent.language import Language


@dataclass(frozen=True, slots=True)
class Speech:
    """A sentence to speak. A `filler` bridges a wait and is no part of the answer."""

    text: str
    filler: bool = field(default=False, compare=False)


@dataclass(frozen=True, slots=True)
class ToolStarted:
    """A tool call begins. `tool_call_id` is a UUID, `arguments` plain data as a model would write them."""

    tool_call_id: str
    name: str
    arguments: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class ToolFinished:
    """A tool call ended.

    `outcome` is one word (`FOUND`, `EMPTY`, `UNAVAILABLE`, …), `result` plain data with protobuf's field
    names.
    """

    tool_call_id: str
    name: str
    outcome: str
    result: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class End:
    """The call ends when everything has been spoken."""


Event = Speech | ToolStarted | ToolFinished | End
Events = AsyncGenerator[Event, None]
"""The events of a turn in order; close the generator to abandon the turn."""


@dataclass(slots=True)
class Turn:
    """A flow's input: it reads `frame`, changes `state` and yields events.

    `text` is the utterance in lower case. `answered` is the question that was open before this turn. After
    `patience` seconds of waiting for a tool, a filler is spoken.
    """

    text: str
    frame: Frame
    state: DialogueState
    context: Context
    tools: Tools
    answered: Question | None
    new_id: Callable[[], str]
    patience: float

    @property
    def language(self) -> Language:
        """The language of the conversation."""
        return self.context.language

    def say(self, name: str, /, **parts: str) -> Speech:
        """Return the sentence called `name`."""
        return Speech(self.language.phrase(name, **parts))

    def ask(self, about: About, name: str, /, **parts: str) -> Speech:
        """Ask the question called `name`, and keep it as the open question."""
        return self.question(Question(about, self.language.phrase(name, **parts)))

    def question(self, question: Question) -> Speech:
        """Ask a question, and keep it as the open question."""
        self.state.question = question
        return Speech(question.words)


Flow = Callable[[Turn], Events]
