"""A conversation as lines to read, or as JSON."""

from __future__ import annotations

import json
from datetime import UTC
from typing import Any, Self

from google.protobuf.json_format import MessageToDict
from readback.conversation.v1 import entry_pb2
from readback.conversation.v1.conversation_service_pb2 import WatchResponse
from rich.console import Console
from rich.live import Live
from rich.markup import escape

_CUT = {entry_pb2.SEALING_INTERRUPTED: " [dim](interrupted)[/]", entry_pb2.SEALING_TRUNCATED: " [dim](cut off)[/]"}


def line_of(entry: entry_pb2.Entry) -> str:
    """One entry, with its number and time, in Rich markup."""
    time = entry.start_time.ToDatetime(UTC).astimezone()
    late = " [yellow](late)[/]" if entry.late else ""
    return f"[dim]{entry.number:>4}  {time:%H:%M:%S}[/]  {_content(entry)}{late}"


def live_line(utterance: entry_pb2.OpenUtterance) -> str:
    """Words that are still being spoken."""
    return f"[dim]      …       {_who(utterance.speaker):>8}  {escape(utterance.text)}[/]"


def _content(entry: entry_pb2.Entry) -> str:
    match entry.WhichOneof("content"):
        case "utterance":
            said = entry.utterance
            style = "bold cyan" if said.speaker == entry_pb2.SPEAKER_AGENT else "bold"
            typed = " [dim](typed)[/]" if said.modality == entry_pb2.MODALITY_TEXT and said.speaker == entry_pb2.SPEAKER_CUSTOMER else ""
            return f"[{style}]{_who(said.speaker):>8}[/]  {escape(said.text)}{_CUT.get(said.sealing, '')}{typed}"
        case "tool_call":
            return f"[magenta]    tool[/]  {entry.tool_call.name} {escape(_compact(MessageToDict(entry.tool_call.arguments)))}"
        case "tool_result":
            return f"[magenta]    tool[/]  {entry.tool_result.name}: {entry.tool_result.outcome}"
        case _:
            change = entry_pb2.StateChangeKind.Name(entry.state_change.kind).removeprefix("STATE_CHANGE_KIND_").replace("_", " ").lower()
            reason = f" ({entry.state_change.reason.replace('_', ' ').lower()})" if entry.state_change.reason else ""
            return f"[dim]       ·  {change}{reason}[/]"


def _who(speaker: entry_pb2.Speaker.ValueType) -> str:
    return "agent" if speaker == entry_pb2.SPEAKER_AGENT else "customer"


def _compact(arguments: dict[str, Any]) -> str:
    return ", ".join(f"{name}={value}" for name, value in arguments.items())


class JsonLines:
    """Each event as the contract has it, one object a line."""

    wants_live = False

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        """Nothing to put away."""

    def show(self, event: WatchResponse) -> None:
        """Prints it."""
        print(json.dumps(MessageToDict(event, preserving_proto_field_name=True), ensure_ascii=False), flush=True)


class Reader:
    """Entries line by line; on a terminal, words still being spoken move in the last line until their entry replaces them."""

    def __init__(self, console: Console, *, show_live: bool = False) -> None:
        self._console, self._print_live = console, show_live and not console.is_terminal
        self._live = Live(console=console, transient=True, auto_refresh=False)
        self.wants_live = console.is_terminal

    def __enter__(self) -> Self:
        if self.wants_live:
            self._live.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._live.stop()

    def show(self, event: WatchResponse) -> None:
        """Shows entries and live words; nothing of the rest."""
        match event.WhichOneof("event"):
            case "entry":
                self._live.update("")
                self._line(line_of(event.entry))
            case "live" if self._print_live:
                self._line(live_line(event.live))
            case "live":
                self._live.update(live_line(event.live), refresh=True)
            case _:
                pass

    def _line(self, markup: str) -> None:
        self._console.print(markup, highlight=False, soft_wrap=True)
