"""What customers do with their transcripts beside reading them: search in all, take one along as a file, delete one for good."""

from __future__ import annotations

from collections.abc import AsyncIterator
from enum import Enum
from typing import TYPE_CHECKING, Annotated, Any
from uuid import UUID

import grpc
from fastapi import APIRouter, Query
from fastapi.responses import StreamingResponse
from readback.conversation.v1 import conversation_service_pb2 as pb

from gradio_ui.api.conversations import PageToken, as_json
from gradio_ui.api.services import SignedIn
from mesh.calling.channel import streaming
from mesh.ids import uuid7

if TYPE_CHECKING:
    ExportCall = grpc.aio.UnaryStreamCall[pb.ExportTranscriptRequest, pb.ExportTranscriptResponse]

router = APIRouter(prefix="/api")
Words = Annotated[str, Query(min_length=1, max_length=200)]


class Format(Enum):
    """What a transcript can be taken along as, by the suffix of its file."""

    TEXT = "txt"
    WEBVTT = "vtt"
    JSON = "json"


@router.get("/found")
async def found(customer: SignedIn, words: Words, page_token: PageToken = "") -> dict[str, Any]:
    """A page of what was said with these words in it, the newest first (`SearchEntriesResponse`)."""
    request = pb.SearchEntriesRequest(query=words, page_size=20, page_token=page_token)
    return as_json(await customer.conversation.SearchEntries(request, metadata=customer.metadata))


@router.get("/conversations/{conversation_id}/transcript.{suffix}")
async def transcript(conversation_id: UUID, suffix: Format, customer: SignedIn) -> StreamingResponse:
    """A transcript as a file to keep, passed on as it comes."""
    wanted = pb.TranscriptFormat.Value(f"TRANSCRIPT_FORMAT_{suffix.name}")
    request = pb.ExportTranscriptRequest(conversation_id=str(conversation_id), format=wanted)
    call = customer.conversation.ExportTranscript(request, metadata=customer.metadata)
    pieces = _pieces(call)
    first = await anext(pieces)  # what goes wrong at once is an answer, not a broken file
    headers = {"content-disposition": f'attachment; filename="{first.file_name}"'}
    return StreamingResponse(_bytes(first, pieces), media_type=first.media_type, headers=headers)


@router.delete("/conversations/{conversation_id}", status_code=204)
async def delete(conversation_id: UUID, customer: SignedIn) -> None:
    """Deletes a conversation for good; a running call in it ends."""
    request = pb.DeleteConversationRequest(conversation_id=str(conversation_id), request_id=uuid7())
    await customer.conversation.DeleteConversation(request, metadata=customer.metadata)


async def _pieces(call: ExportCall) -> AsyncIterator[pb.ExportTranscriptResponse]:
    async with streaming(call):
        async for piece in call:
            yield piece


async def _bytes(
    first: pb.ExportTranscriptResponse, rest: AsyncIterator[pb.ExportTranscriptResponse]
) -> AsyncIterator[bytes]:
    yield first.data
    async for piece in rest:
        yield piece.data
