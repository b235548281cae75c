"""Transcript entries as lines in Rich markup."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import UTC
from typing import Any

from readback.conversation.v1 import conversation_service_pb2 as conversation
from readback.conversation.v1 import entry_pb2
from rich.markup import escape

from mesh.contracts.tool_arguments import arguments_of, enum_word

INDENT = 26
"""Width, in characters, of the number, time and speaker before the text of an entry."""
_SEALING_LABELS = {
    entry_pb2.SEALING_INTERRUPTED: " [dim](interrupted)[/]",
    entry_pb2.SEALING_TRUNCATED: " [dim](cut off)[/]",
}
_END_TEXTS = {
    conversation.WATCH_END_REASON_CONVERSATION_ENDED: "The conversation has ended.",
    conversation.WATCH_END_REASON_CONVERSATION_DELETED: "The conversation was deleted.",
}


def entry_line(entry: entry_pb2.Entry) -> str:
    """Return the line for an entry: number, local time, content."""
    time = entry.start_time.ToDatetime(UTC).astimezone()
    late = " [yellow](late)[/]" if entry.late else ""
    return f"[dim]{entry.number:>4}  {time:%H:%M:%S}[/]  {_content_of(entry)}{late}"


def live_line(live: conversation.LiveText) -> str:
    """Return the line for words that are still being spoken. `live` has the whole text."""
    return f"[dim]      …       {_speaker_name(live.speaker):>8}  {escape(live.tail)}[/]"


def heading(entry: entry_pb2.Entry, title: str = "") -> str:
    """Return a heading with the conversation and the day of `entry`, which follows the heading."""
    day = f"{entry.start_time.ToDatetime(UTC).astimezone():%A %d %B %Y}"
    return f"[bold]── {entry.conversation_id}[/]  [dim]{day}[/]{f'  {escape(title)}' if title else ''}"


def title_line(title: str) -> str:
    """Return the line for the new title of the conversation whose entries are shown."""
    return f"[dim]──[/] [bold]{escape(title)}[/]"


def deleted_line(conversation_id: str) -> str:
    """Return the line for a deleted conversation."""
    return f"[dim]──[/] {conversation_id} [yellow]was deleted[/]"


def end_line(end: conversation.WatchEnd) -> str:
    """Return the line that says why the stream ended."""
    return f"[dim]{_END_TEXTS.get(end.reason, 'The stream has ended.')}[/]"


def _content_of(entry: entry_pb2.Entry) -> str:
    match entry.WhichOneof("content"):
        case "utterance":
            return _utterance(entry.utterance)
        case "tool_call":
            arguments = argument_list(arguments_of(entry.tool_call, "arguments"))
            return f"[magenta]    tool[/]  {entry.tool_call.name} {escape(arguments)}"
        case "tool_result":
            outcome = enum_word(entry.tool_result, "outcome")
            return f"[magenta]    tool[/]  {entry.tool_result.name}: {outcome}"
        case _:
            change = entry.state_change
            name = change.WhichOneof("reason")
            reason = f" ({enum_word(change, name)})" if name else ""
            words = f"{enum_word(change, 'kind')}{reason}".replace("_", " ").lower()
            return f"[dim]       ·  {words}[/]"


def argument_list(arguments: Mapping[str, Any]) -> str:
    """Return the arguments of a tool call on one line."""
    return ", ".join(_argument_words(arguments))


def _argument_words(arguments: Mapping[str, Any]) -> Iterator[str]:
    """Yield the arguments by name; those of a search's legs follow one another."""
    for name, value in sorted(arguments.items()):
        if name == "legs":
            for leg in value:
                yield from _argument_words(leg)
        else:
            yield f"{name}={value}"


def _utterance(utterance: entry_pb2.Utterance) -> str:
    by_agent = utterance.speaker == entry_pb2.SPEAKER_AGENT
    labels = _SEALING_LABELS.get(utterance.sealing, "")
    if utterance.completes_utterance_id:
        labels += " [dim](full text of the one cut off above)[/]"
    if utterance.modality == entry_pb2.MODALITY_TEXT and not by_agent:
        labels += " [dim](typed)[/]"
    style = "bold cyan" if by_agent else "bold"
    return f"[{style}]{_speaker_name(utterance.speaker):>8}[/]  {escape(utterance.text)}{labels}"


def _speaker_name(speaker: entry_pb2.Speaker.ValueType) -> str:
    return "agent" if speaker == entry_pb2.SPEAKER_AGENT else "customer"
