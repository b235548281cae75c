"""Export of a whole transcript as a file.

Entries are read in batches and sent in chunks, so that even a large transcript needs little memory.
"""

from __future__ import annotations

import json
import re
import unicodedata
from collections.abc import AsyncIterator, Mapping

from google.protobuf.json_format import MessageToDict
from google.protobuf.message import Message
from readback.conversation.v1 import conversation_service_pb2 as pb
from readback.conversation.v1 import entry_pb2

from services.conversation.errors import ConversationNotFound
from services.conversation.export import plain_text, webvtt
from services.conversation.export.transcript import Entries, Format
from services.conversation.model.entries import entry_message
from services.conversation.model.records import Conversation, conversation_message
from services.conversation.slow_work import STEP_BYTES
from services.conversation.store import Store

BATCH = 256
"""Most entries read in one transaction. It also has a limit of bytes, because decoding blocks the event
loop."""
CHUNK_BYTES = 32 * 1024
"""Bytes in each chunk; the last one may be smaller. An entry may be split, because it can be larger than a
gRPC message."""


async def export(
    store: Store, conversation: Conversation, wanted: pb.TranscriptFormat.ValueType
) -> AsyncIterator[pb.ExportTranscriptResponse]:
    """Export a conversation up to `conversation.last_number`.

    The first response has the file's name and media type; the rest have its content.

    Raises:
        ConversationNotFound: the conversation was deleted during the export.
    """
    format_, buffer = FORMATS[wanted], bytearray()
    yield pb.ExportTranscriptResponse(
        media_type=format_.media_type, file_name=file_name(conversation, format_.suffix)
    )
    async for text in format_.write(conversation_message(conversation, None), _entries(store, conversation)):
        buffer += text.encode()
        while len(buffer) >= CHUNK_BYTES:
            yield pb.ExportTranscriptResponse(data=bytes(buffer[:CHUNK_BYTES]))
            del buffer[:CHUNK_BYTES]
    if buffer:
        yield pb.ExportTranscriptResponse(data=bytes(buffer))


def file_name(conversation: Conversation, suffix: str) -> str:
    """Return an ASCII file name with title and creation date, such as `chennai-to-delhi-2026-11-23.vtt`."""
    plain = unicodedata.normalize("NFKD", conversation.title).encode("ascii", "ignore").decode().lower()
    words = re.sub(r"[^a-z0-9]+", "-", plain).strip("-")
    return f"{words or 'conversation'}-{conversation.create_time:%Y-%m-%d}.{suffix}"


async def _entries(store: Store, conversation: Conversation) -> AsyncIterator[entry_pb2.Entry]:
    number = 0
    while number < conversation.last_number:
        async with store.turns.step(conversation.customer_id), store.reading() as transaction:
            batch = await transaction.entries_after(
                conversation.key,
                number,
                limit=min(BATCH, conversation.last_number - number),
                most_bytes=STEP_BYTES,
            )
        if not batch:
            raise ConversationNotFound
        number = batch[-1].number
        for stored in batch:
            yield entry_message(conversation.conversation_id, stored)


async def _write_json(conversation: pb.Conversation, entries: Entries) -> AsyncIterator[str]:
    yield f'{{"conversation": {_json(conversation)},\n"entries": ['
    separator = "\n"
    async for entry in entries:
        yield separator + _json(entry)
        separator = ",\n"
    yield "\n]}\n"


def _json(message: Message) -> str:
    return json.dumps(MessageToDict(message), ensure_ascii=False)


JSON = Format("application/json", "json", _write_json)
"""One JSON object, `{"conversation": …, "entries": […]}`. Its field names are those of the contract."""

FORMATS: Mapping[pb.TranscriptFormat.ValueType, Format] = {
    pb.TRANSCRIPT_FORMAT_UNSPECIFIED: plain_text.FORMAT,
    pb.TRANSCRIPT_FORMAT_TEXT: plain_text.FORMAT,
    pb.TRANSCRIPT_FORMAT_WEBVTT: webvtt.FORMAT,
    pb.TRANSCRIPT_FORMAT_JSON: JSON,
}
"""Formats by `TranscriptFormat` value."""
