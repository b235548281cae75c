"""What a turn of the dialogue yields, in order."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Mapping
from dataclasses import dataclass
from typing import Any


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
