"""Plain-text transcripts: one line for each entry, with times in UTC."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator

from google.protobuf.timestamp_pb2 import Timestamp
from readback.conversation.v1 import conversation_service_pb2 as pb
from readback.conversation.v1 import entry_pb2

from mesh.contracts.tool_arguments import arguments_of, enum_word
from services.conversation.export.transcript import CUT_SHORT, SPEAKERS, Entries, Format, on_one_line

_CHANGES = {
    entry_pb2.STATE_CHANGE_KIND_CALL_STARTED: "Call started",
    entry_pb2.STATE_CHANGE_KIND_AGENT_JOINED: "Agent joined",
    entry_pb2.STATE_CHANGE_KIND_AGENT_LOST: "Agent lost",
    entry_pb2.STATE_CHANGE_KIND_CALL_ENDED: "Call ended",
    entry_pb2.STATE_CHANGE_KIND_CONVERSATION_ENDED: "Conversation ended",
}


async def write(conversation: pb.Conversation, entries: Entries) -> AsyncIterator[str]:
    """Yield the lines of a transcript: the title, a blank line, then the entries."""
    yield f"{on_one_line(conversation.title) or 'Conversation'}, {_at(conversation.create_time)} UTC\n\n"
    async for entry in entries:
        yield f"[{_at(entry.start_time)}] {_line(entry)}{' (late)' if entry.late else ''}\n"


def _line(entry: entry_pb2.Entry) -> str:
    match entry.WhichOneof("content"):
        case "utterance":
            said = entry.utterance
            speaker, mark = SPEAKERS.get(said.speaker, "Somebody"), CUT_SHORT.get(said.sealing, "")
            return f"{speaker}: {on_one_line(said.text)}{mark}"
        case "tool_call":
            return f"* {on_one_line(entry.tool_call.name)} {_arguments(entry.tool_call)}"
        case "tool_result":
            outcome = enum_word(entry.tool_result, "outcome")
            return f"* {on_one_line(entry.tool_result.name)}: {outcome}"
        case "state_change":
            change = entry.state_change
            reason = change.WhichOneof("reason")
            why = f" ({enum_word(change, reason)})" if reason else ""
            return f"* {_CHANGES.get(change.kind, 'Something changed')}{why}"
        case _:
            return "* (unknown)"


def _arguments(call: entry_pb2.ToolCall) -> str:
    arguments = arguments_of(call, "arguments")
    return on_one_line(json.dumps(arguments, ensure_ascii=False, sort_keys=True))


def _at(moment: Timestamp) -> str:
    return moment.ToDatetime().strftime("%Y-%m-%d %H:%M:%S")


FORMAT = Format("text/plain; charset=utf-8", "txt", write)
