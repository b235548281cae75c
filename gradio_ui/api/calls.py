"""Routes to start, rejoin and end calls on behalf of the signed-in customer.

The browser gets LiveKit's address and a LiveKit token, but never the customer's access token.
"""

from __future__ import annotations

from typing import Any
from uuid import UUID, uuid5

import grpc
from fastapi import APIRouter, Request
from fastapi.responses import JSONResponse
from pydantic import BaseModel, Field
from readback.conversation.v1 import conversation_service_pb2 as pb

from gradio_ui.api.error_responses import error_response, short_reason
from gradio_ui.api.services import CustomerOf, SignedInCustomer
from gradio_ui.settings import UiSettings
from mesh.ids import uuid7

router = APIRouter(prefix="/api/calls")


class NewCall(BaseModel):
    """Request for a call in an existing conversation, or in a new one if `conversation_id` is None."""

    conversation_id: UUID | None = None
    request_id: UUID
    """Idempotency key of the new conversation and of the call."""
    time_zone: str = Field("", max_length=64)
    end_running_call: bool = False
    """End the customer's running call first, instead of refusing."""


@router.get("/running")
async def running(customer: CustomerOf) -> dict[str, Any]:
    """Return `{"call": {"call_id", "conversation_id", "title", "place_in_line"} | null}`, the running call.

    `place_in_line` is the place among the calls that wait for an agent, 0 if this one isn't waiting.
    """
    return {"call": await _running_call(customer)}


@router.post("", response_model=None)
async def start(new_call: NewCall, request: Request, customer: CustomerOf) -> dict[str, Any] | JSONResponse:
    """Start a call, and return `{"call_id", "conversation_id", "url", "token"}`.

    If the customer already has a running call, return status 409, `CALL_RUNNING`, with that `call`.
    """
    already = None if new_call.end_running_call else await _running_call(customer)
    if already is None:
        try:
            started = await _start(new_call, customer)
            return _access(started.call, started.access, request)
        except grpc.aio.AioRpcError as error:
            # Another tab or device may have started a call meanwhile.
            already = await _running_call(customer) if short_reason(error) == "CALL_RUNNING" else None
            if already is None:
                raise
    return error_response(409, "CALL_RUNNING", "You are already in a call.", call=already)


@router.post("/{call_id}/rejoin")
async def rejoin(call_id: UUID, request: Request, customer: CustomerOf) -> dict[str, Any]:
    """Return new access to a running call, in the same form as `start`.

    When this browser joins, LiveKit disconnects any other browser that is in the call.
    """
    response = await customer.conversation.RejoinCall(
        pb.RejoinCallRequest(call_id=str(call_id)), metadata=customer.metadata
    )
    return _access(response.call, response.access, request)


@router.post("/{call_id}/end", status_code=204)
async def end(call_id: UUID, customer: CustomerOf) -> None:
    """End a call."""
    await customer.conversation.EndCall(
        pb.EndCallRequest(call_id=str(call_id), request_id=uuid7()), metadata=customer.metadata
    )


async def _start(call: NewCall, customer: SignedInCustomer) -> pb.StartCallResponse:
    request = pb.StartCallRequest(
        conversation_id=str(call.conversation_id or "") or await _new_conversation(customer, call),
        time_zone=call.time_zone,
        end_running_call=call.end_running_call,
        # An id is for one RPC; the conversation has the browser's.
        request_id=str(uuid5(call.request_id, "call")),
    )
    return await customer.conversation.StartCall(request, metadata=customer.metadata)


async def _running_call(customer: SignedInCustomer) -> dict[str, Any] | None:
    request = pb.ListConversationsRequest(page_size=1, running_only=True)
    response = await customer.conversation.ListConversations(request, metadata=customer.metadata)
    for conversation in response.conversations:
        return {
            "call_id": conversation.running_call.call_id,
            "conversation_id": conversation.conversation_id,
            "title": conversation.title,
            "place_in_line": conversation.running_call.place_in_line,
        }
    return None


async def _new_conversation(customer: SignedInCustomer, call: NewCall) -> str:
    request = pb.StartConversationRequest(request_id=str(call.request_id))
    response = await customer.conversation.StartConversation(request, metadata=customer.metadata)
    return response.conversation.conversation_id


def _access(call: pb.Call, access: pb.CallAccess, request: Request) -> dict[str, Any]:
    settings: UiSettings = request.app.state.settings
    return {
        "call_id": call.call_id,
        "conversation_id": call.conversation_id,
        "url": settings.livekit_for(request.state.address, access.livekit_url),
        "token": access.livekit_token,
    }
