"""Entries as lines to read, in Rich markup."""

from __future__ import annotations

from datetime import UTC
from typing import Any

from google.protobuf.json_format import MessageToDict
from readback.conversation.v1 import conversation_service_pb2 as conversation
from readback.conversation.v1 import entry_pb2
from rich.markup import escape

INDENT = 26
"""Columns before the words of an entry."""
_CUT = {
    entry_pb2.SEALING_INTERRUPTED: " [dim](interrupted)[/]",
    entry_pb2.SEALING_TRUNCATED: " [dim](cut off)[/]",
}
_ENDS = {
    conversation.STREAM_END_REASON_CONVERSATION_ENDED: "The conversation has ended.",
    conversation.STREAM_END_REASON_CONVERSATION_DELETED: "The conversation was deleted.",
}


def line_of(entry: entry_pb2.Entry) -> str:
    """One entry, with its number and time."""
    time = entry.start_time.ToDatetime(UTC).astimezone()
    late = " [yellow](late)[/]" if entry.late else ""
    return f"[dim]{entry.number:>4}  {time:%H:%M:%S}[/]  {_content(entry)}{late}"


def live_line(utterance: entry_pb2.OpenUtterance) -> str:
    """Words that are still being spoken."""
    return f"[dim]      …       {_who(utterance.speaker):>8}  {escape(utterance.text)}[/]"


def heading(entry: entry_pb2.Entry) -> str:
    """The conversation of the entries that follow, with the day of the first of them."""
    return f"[bold]── {entry.conversation_id}[/]  [dim]{entry.start_time.ToDatetime(UTC).astimezone():%A %d %B %Y}[/]"


def deleted_line(conversation_id: str) -> str:
    """One of several conversations is gone."""
    return f"[dim]──[/] {conversation_id} [yellow]was deleted[/]"


def end_line(end: conversation.WatchEnd) -> str:
    """Why there is no more to come."""
    return f"[dim]{_ENDS.get(end.reason, 'There is no more to come.')}[/]"


def _content(entry: entry_pb2.Entry) -> str:
    match entry.WhichOneof("content"):
        case "utterance":
            return _said(entry.utterance)
        case "tool_call":
            return f"[magenta]    tool[/]  {entry.tool_call.name} {escape(_compact(MessageToDict(entry.tool_call.arguments)))}"
        case "tool_result":
            return f"[magenta]    tool[/]  {entry.tool_result.name}: {entry.tool_result.outcome}"
        case _:
            change = (
                entry_pb2.StateChangeKind.Name(entry.state_change.kind)
                .removeprefix("STATE_CHANGE_KIND_")
                .replace("_", " ")
                .lower()
            )
            reason = (
                f" ({entry.state_change.reason.replace('_', ' ').lower()})"
                if entry.state_change.reason
                else ""
            )
            return f"[dim]       ·  {change}{reason}[/]"


def _said(said: entry_pb2.Utterance) -> str:
    style = "bold cyan" if said.speaker == entry_pb2.SPEAKER_AGENT else "bold"
    typed = (
        " [dim](typed)[/]"
        if said.modality == entry_pb2.MODALITY_TEXT and said.speaker == entry_pb2.SPEAKER_CUSTOMER
        else ""
    )
    whole = " [dim](all of what was cut off above)[/]" if said.completes_utterance_id else ""
    return (
        f"[{style}]{_who(said.speaker):>8}[/]  {escape(said.text)}{_CUT.get(said.sealing, '')}{whole}{typed}"
    )


def _who(speaker: entry_pb2.Speaker.ValueType) -> str:
    return "agent" if speaker == entry_pb2.SPEAKER_AGENT else "customer"


def _compact(arguments: dict[str, Any]) -> str:
    return ", ".join(f"{name}={value}" for name, value in sorted(arguments.items()))
