"""Starting, rejoining and ending calls in the customer's name. The page gets LiveKit's address and token, and no other token."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from fastapi import APIRouter
from fastapi.responses import JSONResponse
from pydantic import BaseModel, Field
from readback.conversation.v1 import conversation_service_pb2 as pb

from gradio_ui.api.error_responses import failure
from gradio_ui.api.services import Customer, SignedIn
from mesh.ids import uuid7

router = APIRouter(prefix="/api/calls")


class NewCall(BaseModel):
    """Asks for a call, in a conversation that exists or in a new one."""

    conversation_id: UUID | None = None
    request_id: UUID
    """Names the wish for a new conversation, so that a repeated request doesn't make a second one."""
    time_zone: str = Field("", max_length=64)


@router.get("/running")
async def running(customer: SignedIn) -> dict[str, Any]:
    """`{"call": {"call_id", "conversation_id", "title"} | null}`: the customer's running call, on whichever device."""
    return {"call": await _running_call(customer)}


@router.post("", response_model=None)
async def start(wish: NewCall, customer: SignedIn) -> dict[str, Any] | JSONResponse:
    """Starts a call: `{"call_id", "conversation_id", "url", "token"}`. 409 `CALL_RUNNING` with `call` when one is running already."""
    already = await _running_call(customer)
    if already is not None:
        return failure(409, "CALL_RUNNING", "You are already in a call.", call=already)
    conversation_id = (
        str(wish.conversation_id) if wish.conversation_id else await _new_conversation(customer, wish)
    )
    request = pb.StartCallRequest(conversation_id=conversation_id, time_zone=wish.time_zone)
    answer = await customer.conversation.StartCall(request, metadata=customer.metadata)
    return _to_join(answer.call, answer.access)


@router.post("/{call_id}/rejoin")
async def rejoin(call_id: UUID, customer: SignedIn) -> dict[str, Any]:
    """Another way into a running call, in the same form as `start`; who is in it from elsewhere is moved out."""
    answer = await customer.conversation.RejoinCall(
        pb.RejoinCallRequest(call_id=str(call_id)), metadata=customer.metadata
    )
    return _to_join(answer.call, answer.access)


@router.post("/{call_id}/end", status_code=204)
async def end(call_id: UUID, customer: SignedIn) -> None:
    """Hangs up."""
    await customer.conversation.EndCall(
        pb.EndCallRequest(call_id=str(call_id), request_id=uuid7()), metadata=customer.metadata
    )


async def _running_call(customer: Customer) -> dict[str, Any] | None:
    wish = pb.ListConversationsRequest(page_size=1, running_call_only=True)
    found = await customer.conversation.ListConversations(wish, metadata=customer.metadata)
    for conversation in found.conversations:
        return {
            "call_id": conversation.running_call.call_id,
            "conversation_id": conversation.conversation_id,
            "title": conversation.title,
        }
    return None


async def _new_conversation(customer: Customer, wish: NewCall) -> str:
    request = pb.StartConversationRequest(request_id=str(wish.request_id))
    answer = await customer.conversation.StartConversation(request, metadata=customer.metadata)
    return answer.conversation.conversation_id


def _to_join(call: pb.Call, access: pb.CallAccess) -> dict[str, Any]:
    return {
        "call_id": call.call_id,
        "conversation_id": call.conversation_id,
        "url": access.livekit_url,
        "token": access.livekit_token,
    }
