"""A whole transcript as a file, read page by page and handed on in pieces, so that its size doesn't matter."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass

from readback.conversation.v1 import conversation_service_pb2 as pb
from readback.conversation.v1 import entry_pb2

from services.conversation.errors import ConversationNotFound
from services.conversation.export import json_document, plain_text, webvtt
from services.conversation.export.transcript import Form
from services.conversation.messages import conversation_message
from services.conversation.model.entries import entry_message
from services.conversation.model.records import Conversation
from services.conversation.store import Store

PAGE = 256
"""Entries read at once."""
PIECE_BYTES = 32 * 1024
"""Bytes of every piece but the last. One entry may be written as more than gRPC takes in a message, so it may be spread over several."""

FORMS: Mapping[pb.TranscriptFormat.ValueType, Form] = {
    pb.TRANSCRIPT_FORMAT_UNSPECIFIED: plain_text.FORM,
    pb.TRANSCRIPT_FORMAT_TEXT: plain_text.FORM,
    pb.TRANSCRIPT_FORMAT_WEBVTT: webvtt.FORM,
    pb.TRANSCRIPT_FORMAT_JSON: json_document.FORM,
}
"""How each format is written."""


@dataclass(frozen=True, slots=True)
class Export:
    """A transcript on its way out."""

    media_type: str
    file_name: str
    pieces: AsyncIterator[bytes]
    """UTF-8, of which a letter may be spread over two; at least one piece. Raises `ConversationNotFound` when the conversation is deleted
    meanwhile."""


def export(store: Store, conversation: Conversation, wanted: pb.TranscriptFormat.ValueType) -> Export:
    """A conversation's transcript up to the entry that is the last one now."""
    form = FORMS[wanted]
    text = form.write(conversation_message(conversation, None), _entries(store, conversation))
    return Export(form.media_type, file_name(conversation, form.suffix), _pieces(text))


def file_name(conversation: Conversation, suffix: str) -> str:
    """A name in plain ASCII, from the title and the day it began, for example `chennai-to-delhi-2026-11-23.vtt`."""
    plain = unicodedata.normalize("NFKD", conversation.title).encode("ascii", "ignore").decode().lower()
    words = re.sub(r"[^a-z0-9]+", "-", plain).strip("-")
    return f"{words or 'conversation'}-{conversation.create_time:%Y-%m-%d}.{suffix}"


async def _entries(store: Store, conversation: Conversation) -> AsyncIterator[entry_pb2.Entry]:
    number = 0
    while number < conversation.last_number:
        async with store.reading() as transaction:
            page = await transaction.entries_after(
                conversation.key, number, limit=min(PAGE, conversation.last_number - number)
            )
        if not page:
            raise ConversationNotFound
        number = page[-1].number
        for stored in page:
            yield entry_message(conversation.conversation_id, stored)


async def _pieces(text: AsyncIterator[str]) -> AsyncIterator[bytes]:
    gathered = bytearray()
    async for written in text:
        gathered += written.encode()
        while len(gathered) >= PIECE_BYTES:
            yield bytes(gathered[:PIECE_BYTES])
            del gathered[:PIECE_BYTES]
    if gathered:
        yield bytes(gathered)
