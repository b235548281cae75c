"""Export of a whole transcript as a file.

Entries are read and sent in chunks, so a transcript of any size needs little memory.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass

from readback.conversation.v1 import conversation_service_pb2 as pb
from readback.conversation.v1 import entry_pb2

from services.conversation.errors import ConversationNotFound
from services.conversation.export import json_document, plain_text, webvtt
from services.conversation.export.transcript import Format
from services.conversation.messages import conversation_message
from services.conversation.model.entries import entry_message
from services.conversation.model.records import Conversation
from services.conversation.store import Store

BATCH = 256
"""Entries read in one query."""
CHUNK_BYTES = 32 * 1024
"""Size of every chunk except the last. An entry may be split, because it can be longer than a gRPC message
may be."""

FORMATS: Mapping[pb.TranscriptFormat.ValueType, Format] = {
    pb.TRANSCRIPT_FORMAT_UNSPECIFIED: plain_text.FORMAT,
    pb.TRANSCRIPT_FORMAT_TEXT: plain_text.FORMAT,
    pb.TRANSCRIPT_FORMAT_WEBVTT: webvtt.FORMAT,
    pb.TRANSCRIPT_FORMAT_JSON: json_document.FORMAT,
}
"""Formats by their value in the contract."""


@dataclass(frozen=True, slots=True)
class Export:
    """Transcript that is being exported."""

    media_type: str
    file_name: str
    chunks: AsyncIterator[bytes]
    """UTF-8 text in at least one chunk; a character may be split between two. Raises `ConversationNotFound`
    if the conversation is deleted meanwhile."""


def export(store: Store, conversation: Conversation, wanted: pb.TranscriptFormat.ValueType) -> Export:
    """Export a conversation up to its last entry at this time."""
    format_ = FORMATS[wanted]
    text = format_.write(conversation_message(conversation, None), _entries(store, conversation))
    return Export(format_.media_type, file_name(conversation, format_.suffix), _chunks(text))


def file_name(conversation: Conversation, suffix: str) -> str:
    """Return an ASCII file name with title and start date, such as `chennai-to-delhi-2026-11-23.vtt`."""
    plain = unicodedata.normalize("NFKD", conversation.title).encode("ascii", "ignore").decode().lower()
    words = re.sub(r"[^a-z0-9]+", "-", plain).strip("-")
    return f"{words or 'conversation'}-{conversation.create_time:%Y-%m-%d}.{suffix}"


async def _entries(store: Store, conversation: Conversation) -> AsyncIterator[entry_pb2.Entry]:
    number = 0
    while number < conversation.last_number:
        async with store.reading() as transaction:
            batch = await transaction.entries_after(
                conversation.key, number, limit=min(BATCH, conversation.last_number - number)
            )
        if not batch:
            raise ConversationNotFound
        number = batch[-1].number
        for stored in batch:
            yield entry_message(conversation.conversation_id, stored)


async def _chunks(text: AsyncIterator[str]) -> AsyncIterator[bytes]:
    buffer = bytearray()
    async for written in text:
        buffer += written.encode()
        while len(buffer) >= CHUNK_BYTES:
            yield bytes(buffer[:CHUNK_BYTES])
            del buffer[:CHUNK_BYTES]
    if buffer:
        yield bytes(buffer)
