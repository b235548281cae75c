"""JSON transcripts: `{"conversation": …, "entries": […]}`, with the field names of the contract."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator

from google.protobuf.json_format import MessageToDict
from google.protobuf.message import Message
from readback.conversation.v1 import conversation_service_pb2 as pb

from services.conversation.export.transcript import Entries, Format


async def write(conversation: pb.Conversation, entries: Entries) -> AsyncIterator[str]:
    """Write one JSON object, with one entry per line."""
    yield f'{{"conversation": {_json(conversation)},\n"entries": ['
    before = "\n"
    async for entry in entries:
        yield before + _json(entry)
        before = ",\n"
    yield "\n]}\n"


def _json(message: Message) -> str:
    return json.dumps(MessageToDict(message, preserving_proto_field_name=True), ensure_ascii=False)


FORMAT = Format("application/json", "json", write)
