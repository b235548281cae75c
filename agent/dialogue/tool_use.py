"""One use of a tool: announced, waited for with a word when it takes long, and reported."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Mapping
from typing import Any, Generic, TypeVar

from agent.dialogue.tools import ToolError, ToolUnavailable
from agent.dialogue.turn import Events, Speech, ToolFinished, ToolStarted, Turn
from agent.language.en.phrases import phrase

T = TypeVar("T")
FILLER = Speech(phrase("one_moment"))
"""Said while a tool takes long; no part of the answer."""


class ToolUse(Generic[T]):
    """A call of a tool. After `events` has been read to its end, either `answer` or `error` is set.

    `describe` gives the outcome word and the result for the transcript.
    """

    def __init__(
        self,
        name: str,
        arguments: Mapping[str, Any],
        call: Callable[[], Coroutine[Any, Any, T]],
        describe: Callable[[T], tuple[str, Mapping[str, Any]]],
    ) -> None:
        self._name = name
        self._arguments = arguments
        self._call = call
        self._describe = describe
        self.answer: T | None = None
        self.error: ToolError | None = None

    async def events(self, turn: Turn) -> Events:
        """Started, "one moment" after the turn's patience, finished. Abandoned with the turn, the call is cancelled."""
        tool_call_id = turn.new_id()
        yield ToolStarted(tool_call_id, self._name, self._arguments)
        task = asyncio.create_task(self._call())
        try:
            done, _ = await asyncio.wait({task}, timeout=turn.patience)
            if not done:
                yield FILLER
            yield self._finished(tool_call_id, await self._outcome(task))
        finally:
            task.cancel()

    async def _outcome(self, task: asyncio.Task[T]) -> tuple[str, Mapping[str, Any]]:
        try:
            self.answer = await task
        except ToolError as error:
            self.error = error
            return error.outcome, {}
        except Exception as error:  # noqa: BLE001 - whatever a tool does, the caller hears a sentence; the tool has logged it
            self.error = ToolUnavailable(type(error).__name__)
            return ToolUnavailable.outcome, {}
        return self._describe(self.answer)

    def _finished(self, tool_call_id: str, described: tuple[str, Mapping[str, Any]]) -> ToolFinished:
        outcome, result = described
        return ToolFinished(tool_call_id, self._name, outcome, result)
