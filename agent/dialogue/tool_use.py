"""One tool call: its events, a filler if it is slow, and sentences for its errors."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any, Generic, TypeVar

from agent.dialogue.tools import DateBeyondHorizon, ToolError, ToolRestricted, ToolUnavailable, ToolUsedUp
from agent.dialogue.turn import Events, Speech, ToolFinished, ToolStarted, Turn

T = TypeVar("T")


@dataclass(slots=True)
class ToolUse(Generic[T]):
    """A tool call. After `events` is exhausted, either `answer` or `error` is set.

    `describe` converts the answer to the outcome and the result for the transcript.
    """

    name: str
    arguments: Mapping[str, Any]
    call: Callable[[], Coroutine[Any, Any, T]]
    describe: Callable[[T], tuple[str, Mapping[str, Any]]]
    answer: T | None = None
    error: ToolError | None = None

    async def events(self, turn: Turn) -> Events:
        """Run the call, and yield its start, a filler if it takes longer than `turn.patience`, and its end.

        Closing the generator cancels the call.
        """
        tool_call_id = turn.new_id()
        yield ToolStarted(tool_call_id, self.name, self.arguments)
        task = asyncio.create_task(self.call())
        try:
            done, _ = await asyncio.wait({task}, timeout=turn.patience)
            if not done:
                yield Speech(turn.language.phrase("one_moment"), filler=True)
            outcome, result = await self._outcome(task)
            yield ToolFinished(tool_call_id, self.name, outcome, result)
        finally:
            task.cancel()

    async def _outcome(self, task: asyncio.Task[T]) -> tuple[str, Mapping[str, Any]]:
        try:
            self.answer = await task
        except ToolError as error:
            self.error = error
            return error.outcome, {}
        except Exception as error:  # noqa: BLE001 - the caller must hear a sentence after any failure; the tool has logged it
            self.error = ToolUnavailable(type(error).__name__)
            return ToolUnavailable.outcome, {}
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
