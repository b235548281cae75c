"""Past conversations and their transcripts. Messages go to the browser as protobuf's own JSON, with the names of the contract."""

from __future__ import annotations

from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Query
from google.protobuf.json_format import MessageToDict
from google.protobuf.message import Message
from readback.conversation.v1 import conversation_service_pb2 as pb

from gradio_ui.api.services import SignedIn

router = APIRouter(prefix="/api/conversations")
PageToken = Annotated[str, Query(max_length=1024)]


@router.get("")
async def conversations(customer: SignedIn, page_token: PageToken = "") -> dict[str, Any]:
    """A page of the customer's conversations, the newest first (`ListConversationsResponse`)."""
    request = pb.ListConversationsRequest(page_size=20, page_token=page_token)
    return as_json(await customer.conversation.ListConversations(request, metadata=customer.metadata))


@router.get("/{conversation_id}")
async def conversation(conversation_id: UUID, customer: SignedIn) -> dict[str, Any]:
    """One conversation (`GetConversationResponse`)."""
    request = pb.GetConversationRequest(conversation_id=str(conversation_id))
    return as_json(await customer.conversation.GetConversation(request, metadata=customer.metadata))


@router.get("/{conversation_id}/entries")
async def entries(conversation_id: UUID, customer: SignedIn, page_token: PageToken = "") -> dict[str, Any]:
    """A page of a conversation's log (`ListEntriesResponse`)."""
    request = pb.ListEntriesRequest(
        conversation_id=str(conversation_id), page_size=200, page_token=page_token
    )
    return as_json(await customer.conversation.ListEntries(request, metadata=customer.metadata))


def as_json(message: Message) -> dict[str, Any]:
    """A message as the page's modules read it: field names as in the contract, enum values by name, 64-bit numbers as text."""
    return MessageToDict(message, preserving_proto_field_name=True)
