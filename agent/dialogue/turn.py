"""One turn: its events, and the input of the flow that answers an utterance."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Callable
from dataclasses import dataclass, field

from readback.conversation.v1 import entry_pb2

from agent.dialogue.context import Context
from agent.dialogue.frames import Frame
from agent.dialogue.state import About, DialogueState, Question
from agent.dialogue.tools import Tools
from agent.language import Language


@dataclass(frozen=True, slots=True)
class Speech:
    """A sentence to speak. A `filler`, such as "one moment", is not part of the answer."""

    text: str
    filler: bool = field(default=False, compare=False)


@dataclass(frozen=True, slots=True)
class ToolStarted:
    """Start of a tool call."""

    call: entry_pb2.ToolCall


@dataclass(frozen=True, slots=True)
class ToolFinished:
    """End of a tool call."""

    result: entry_pb2.ToolResult


@dataclass(frozen=True, slots=True)
class End:
    """End of the call, after all sentences have been spoken."""


Event = Speech | ToolStarted | ToolFinished | End
Events = AsyncGenerator[Event, None]
"""The events of a turn, in order. Close the generator to cancel the turn."""


@dataclass(slots=True)
class Turn:
    """Input of a flow. A flow reads `frame`, changes `state` and yields events.

    `text` is the utterance in lower case. `answered` is the question that was open before this turn, if any.
    If a tool takes longer than `patience` seconds, the agent speaks a filler.
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
        """Return the phrase called `name` as speech."""
        return Speech(self.language.phrase(name, **parts))

    def ask(self, about: About, name: str, /, **parts: str) -> Speech:
        """Return the phrase called `name` as a question, and store it as the open question."""
        return self.question(Question(about, self.language.phrase(name, **parts)))

    def question(self, question: Question) -> Speech:
        """Return a question as speech, and store it as the open question."""
        self.state.question = question
        return Speech(question.words)


Flow = Callable[[Turn], Events]
