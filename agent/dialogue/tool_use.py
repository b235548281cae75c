"""One tool call: its events, a filler if it is slow, and sentences for its errors."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Iterable
from dataclasses import dataclass
from datetime import date
from typing import Any, Generic, TypeVar

from google.protobuf.message import Message
from readback.conversation.v1 import entry_pb2

from agent.dialogue.places import Place
from agent.dialogue.tools import DateBeyondHorizon, ToolError, ToolRestricted, ToolUnavailable, ToolUsedUp
from agent.dialogue.turn import Events, Speech, ToolFinished, ToolStarted, Turn

T = TypeVar("T")


@dataclass(slots=True)
class ToolUse(Generic[T]):
    """A tool call. After `events` is exhausted, either `answer` or `error` is set.

    `name` is the field of `ToolCall` for the `arguments`, `places` are the places that they name, and
    `describe` converts the answer to the outcome and the result for the transcript.
    """

    name: str
    arguments: Message
    places: Iterable[Place]
    call: Callable[[], Coroutine[Any, Any, T]]
    describe: Callable[[T], entry_pb2.ToolResult]
    answer: T | None = None
    error: ToolError | None = None

    async def events(self, turn: Turn) -> Events:
        """Run the call, and yield its start, a filler if it takes longer than `turn.patience`, and its end.

        Closing the generator cancels the call.
        """
        call = entry_pb2.ToolCall(tool_call_id=turn.new_id(), name=self.name)
        call.places.extend(place.message() for place in self.places)
        getattr(call, self.name).CopyFrom(self.arguments)
        yield ToolStarted(call)
        task = asyncio.create_task(self.call())
        try:
            done, _ = await asyncio.wait({task}, timeout=turn.patience)
            if not done:
                yield Speech(turn.language.phrase("one_moment"), filler=True)
            result = await self._result(task)
            result.tool_call_id, result.name = call.tool_call_id, call.name
            yield ToolFinished(result)
        finally:
            task.cancel()

    async def _result(self, task: asyncio.Task[T]) -> entry_pb2.ToolResult:
        try:
            self.answer = await task
        except ToolError as error:
            self.error = error
            return entry_pb2.ToolResult(outcome=error.outcome, error=error.info)
        except Exception as error:  # noqa: BLE001 - the caller must hear a sentence after any failure; the tool has logged it
            self.error = ToolUnavailable(type(error).__name__)
            return entry_pb2.ToolResult(outcome=ToolUnavailable.outcome)
        return self.describe(self.answer)


def failure(turn: Turn, error: ToolError | None, today: date) -> Speech:
    """Return the sentence for an error of a tool. `today` is the local date at the place of the question."""
    language = turn.language
    match error:
        case DateBeyondHorizon(last_date=None):
            return turn.say("date_beyond_unknown")
        case DateBeyondHorizon(last_date=date() as last):
            name = "date_beyond_next_year" if last.year > today.year else "date_beyond"
            return turn.say(name, last=language.full_date(last))
        case ToolRestricted():
            return turn.say("restricted")
        case ToolUsedUp(until=until) if until and until > today:
            return turn.say("used_up_until", day=language.day(until, today))
        case ToolUsedUp():
            return turn.say("used_up")
    return turn.say("unavailable")
