"""Routes to list, read, search, export and delete past conversations.

Responses are the service's protobuf messages as JSON, with the field names of the contract.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from enum import Enum
from typing import TYPE_CHECKING, Annotated, Any
from uuid import UUID

import grpc
from fastapi import APIRouter, Query
from fastapi.responses import StreamingResponse
from google.protobuf.json_format import MessageToDict
from google.protobuf.message import Message
from readback.conversation.v1 import conversation_service_pb2 as pb

from gradio_ui.api.services import CustomerOf
from mesh.calling.channel import streaming
from mesh.ids import uuid7

if TYPE_CHECKING:
    ExportCall = grpc.aio.UnaryStreamCall[pb.ExportTranscriptRequest, pb.ExportTranscriptResponse]

router = APIRouter(prefix="/api")
PageToken = Annotated[str, Query(max_length=1024)]
Words = Annotated[str, Query(min_length=1, max_length=200)]


class ExportFormat(Enum):
    """File formats of an exported transcript, by file suffix."""

    TEXT = "txt"
    WEBVTT = "vtt"
    JSON = "json"


@router.get("/conversations")
async def conversations(customer: CustomerOf, page_token: PageToken = "") -> dict[str, Any]:
    """Return a page of the customer's conversations, newest first (`ListConversationsResponse`).

    Conversations in which no agent came are left out, because nothing was said in them.
    """
    request = pb.ListConversationsRequest(page_size=20, page_token=page_token, answered_only=True)
    return as_json(await customer.conversation.ListConversations(request, metadata=customer.metadata))


@router.get("/conversations/{conversation_id}")
async def conversation(conversation_id: UUID, customer: CustomerOf) -> dict[str, Any]:
    """Return one conversation (`GetConversationResponse`)."""
    request = pb.GetConversationRequest(conversation_id=str(conversation_id))
    return as_json(await customer.conversation.GetConversation(request, metadata=customer.metadata))


@router.get("/conversations/{conversation_id}/entries")
async def entries(conversation_id: UUID, customer: CustomerOf, page_token: PageToken = "") -> dict[str, Any]:
    """Return a page of a conversation's log (`ListEntriesResponse`)."""
    request = pb.ListEntriesRequest(
        conversation_id=str(conversation_id), page_size=200, page_token=page_token
    )
    return as_json(await customer.conversation.ListEntries(request, metadata=customer.metadata))


@router.get("/found")
async def found(customer: CustomerOf, words: Words, page_token: PageToken = "") -> dict[str, Any]:
    """Return a page of log entries that contain `words`, newest first (`SearchEntriesResponse`)."""
    request = pb.SearchEntriesRequest(query=words, page_size=20, page_token=page_token)
    return as_json(await customer.conversation.SearchEntries(request, metadata=customer.metadata))


@router.get("/conversations/{conversation_id}/transcript.{suffix}")
async def transcript(conversation_id: UUID, suffix: ExportFormat, customer: CustomerOf) -> StreamingResponse:
    """Stream a transcript as a file."""
    file_format = pb.TranscriptFormat.Value(f"TRANSCRIPT_FORMAT_{suffix.name}")
    request = pb.ExportTranscriptRequest(conversation_id=str(conversation_id), format=file_format)
    chunks = _chunks(customer.conversation.ExportTranscript(request, metadata=customer.metadata))
    # Read the first chunk before responding, so that an error in it becomes an error response.
    first = await anext(chunks)
    headers = {"content-disposition": f'attachment; filename="{first.file_name}"'}
    return StreamingResponse(_bytes(first, chunks), media_type=first.media_type, headers=headers)


@router.delete("/conversations/{conversation_id}", status_code=204)
async def delete(conversation_id: UUID, customer: CustomerOf) -> None:
    """Delete a conversation permanently, and end a running call in it."""
    request = pb.DeleteConversationRequest(conversation_id=str(conversation_id), request_id=uuid7())
    await customer.conversation.DeleteConversation(request, metadata=customer.metadata)


def as_json(message: Message) -> dict[str, Any]:
    """Return a message as JSON with the field names of the contract. 64-bit integers become strings."""
    return MessageToDict(message, preserving_proto_field_name=True)


async def _chunks(call: ExportCall) -> AsyncIterator[pb.ExportTranscriptResponse]:
    async with streaming(call):
        async for chunk in call:
            yield chunk


async def _bytes(
    first: pb.ExportTranscriptResponse, rest: AsyncIterator[pb.ExportTranscriptResponse]
) -> AsyncIterator[bytes]:
    yield first.data
    async for chunk in rest:
        yield chunk.data
