"""The output of `readback call`: JSON lines for programs, or a dialogue for people."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from rich.console import Console
from rich.markup import escape

from cli.rendering.any_encoding import print_json
from cli.rendering.entry_lines import argument_list

if TYPE_CHECKING:
    from cli.calls.call_client import TurnReport


class JsonCallOutput:
    """One JSON object per line; the schema is `cli/schemas/call_event.json`."""

    def connected(self, conversation_id: str, connect_ms: float) -> None:
        """Print a `connected` event."""
        self._print(event="connected", conversation_id=conversation_id, connect_ms=round(connect_ms, 1))

    def greeted(self, turn: TurnReport) -> None:
        """Print nothing, because the greeting belongs to no turn of the caller."""

    def turn(self, turn: TurnReport) -> None:
        """Print a `turn` event."""
        tools = [
            {"name": tool.call.name, "arguments": tool.arguments, "outcome": tool.outcome}
            for tool in turn.tools
        ]
        words = {"said": turn.said, "heard": turn.heard, "reply": turn.reply}
        self._print(
            event="turn", **words, tools=tools, first_audio_ms=turn.first_audio_ms, interims=turn.interims
        )

    def ended(self, reason: str) -> None:
        """Print an `ended` event."""
        self._print(event="ended", reason=reason)

    def _print(self, **event: Any) -> None:  # any JSON
        print_json(event)


class TerminalCallOutput:
    """Both sides of the call as a dialogue."""

    def __init__(self, console: Console) -> None:
        self._console = console

    def connected(self, conversation_id: str, connect_ms: float) -> None:
        """Print the connection time."""
        self._line("dim", "", f"connected after {connect_ms:.0f} ms, conversation {conversation_id}")

    def greeted(self, turn: TurnReport) -> None:
        """Print the agent's greeting."""
        self._line("bold cyan", "agent", turn.reply)

    def turn(self, turn: TurnReport) -> None:
        """Print both sides, the tool calls and the time to the first audio."""
        self._line("bold", "you", turn.said)
        if turn.heard and turn.heard != turn.said:
            self._line("dim", "heard", turn.heard)
        for tool in turn.tools:
            self._line("dim", "tool", f"{tool.call.name}({argument_list(tool.arguments)}): {tool.outcome}")
        self._line("bold cyan", "agent", turn.reply or "(no answer)")
        if turn.first_audio_ms is not None:
            self._line("dim", "", f"first audio after {turn.first_audio_ms:.0f} ms")

    def ended(self, reason: str) -> None:
        """Print why the call ended."""
        self._line("dim", "", f"call ended: {reason.lower().replace('_', ' ')}")

    def _line(self, style: str, label: str, text: str) -> None:
        self._console.print(f"  [{style}]{label:>6}[/]  {escape(text)}", highlight=False, soft_wrap=True)


CallOutput = JsonCallOutput | TerminalCallOutput
