"""What a call was like, as one JSON object a line or as a conversation to read."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any, Protocol

from rich.console import Console
from rich.markup import escape


class Tool(Protocol):
    """A tool that the agent used."""

    @property
    def name(self) -> str:
        """As in the contract, for example `search_flights`."""
        ...

    @property
    def arguments(self) -> dict[str, Any]:
        """As the agent gave them."""
        ...

    @property
    def outcome(self) -> str:
        """One word, for example `FOUND`."""
        ...


class Turn(Protocol):
    """What came of one thing said; see `cli.calls.call_client.TurnReport`."""

    @property
    def said(self) -> str:
        """What the caller said."""
        ...

    @property
    def heard(self) -> str:
        """What was recognised."""
        ...

    @property
    def reply(self) -> str:
        """What the agent said."""
        ...

    @property
    def tools(self) -> Sequence[Tool]:
        """What the agent used."""
        ...

    @property
    def first_audio_ms(self) -> float | None:
        """Milliseconds from the last sample of speech to the agent's first audio."""
        ...

    @property
    def interims(self) -> int:
        """Captions that came while the caller spoke."""
        ...


class CallReport(Protocol):
    """Is told how a call goes."""

    def connected(self, conversation_id: str, connect_ms: float) -> None:
        """The caller is in the room."""
        ...

    def greeted(self, turn: Turn) -> None:
        """The agent has said its first words."""
        ...

    def turn(self, turn: Turn) -> None:
        """Something was said and answered."""
        ...

    def ended(self, reason: str) -> None:
        """The call is over."""
        ...


class JsonLines:
    """One object a line, as `cli/schemas/call_event.json` has them."""

    def connected(self, conversation_id: str, connect_ms: float) -> None:
        """The first line."""
        self._print(event="connected", conversation_id=conversation_id, connect_ms=round(connect_ms, 1))

    def greeted(self, turn: Turn) -> None:
        """Nothing: nobody said anything yet."""

    def turn(self, turn: Turn) -> None:
        """A line a turn."""
        tools = [
            {"name": tool.name, "arguments": tool.arguments, "outcome": tool.outcome} for tool in turn.tools
        ]
        answer = {"said": turn.said, "heard": turn.heard, "reply": turn.reply, "tools": tools}
        self._print(event="turn", **answer, first_audio_ms=turn.first_audio_ms, interims=turn.interims)

    def ended(self, reason: str) -> None:
        """The last line."""
        self._print(event="ended", reason=reason)

    def _print(self, **event: Any) -> None:  # any JSON
        print(json.dumps(event, ensure_ascii=False), flush=True)


class Conversation:
    """Both sides, for a person."""

    def __init__(self, console: Console) -> None:
        self._console = console

    def connected(self, conversation_id: str, connect_ms: float) -> None:
        """How long it took."""
        self._line("dim", "", f"connected after {connect_ms:.0f} ms, conversation {conversation_id}")

    def greeted(self, turn: Turn) -> None:
        """The agent's first words."""
        self._line("bold cyan", "agent", turn.reply)

    def turn(self, turn: Turn) -> None:
        """Both sides and what was done between."""
        self._line("bold", "you", turn.said)
        if turn.heard and turn.heard != turn.said:
            self._line("dim", "heard", turn.heard)
        for tool in turn.tools:
            arguments = ", ".join(f"{name}={value}" for name, value in tool.arguments.items())
            self._line("dim", "tool", f"{tool.name}({arguments}): {tool.outcome}")
        self._line("bold cyan", "agent", turn.reply or "(no answer)")
        if turn.first_audio_ms is not None:
            self._line("dim", "", f"first audio after {turn.first_audio_ms:.0f} ms")

    def ended(self, reason: str) -> None:
        """Why."""
        self._line("dim", "", f"call ended: {reason.lower().replace('_', ' ')}")

    def _line(self, style: str, who: str, text: str) -> None:
        self._console.print(f"  [{style}]{who:>6}[/]  {escape(text)}", highlight=False, soft_wrap=True)
