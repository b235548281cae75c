"""Contract messages for domain objects."""

from __future__ import annotations

from readback.conversation.v1 import conversation_service_pb2 as pb

from services.conversation.calls.ports import Access
from services.conversation.model.records import Call, Conversation
from services.conversation.model.times import timestamp


def conversation_message(conversation: Conversation, running: Call | None) -> pb.Conversation:
    """Return the message for a conversation and its running call, if any."""
    return pb.Conversation(
        conversation_id=conversation.conversation_id,
        title=conversation.title,
        locale=conversation.locale,
        state=conversation.state,
        create_time=timestamp(conversation.create_time),
        update_time=timestamp(conversation.update_time),
        end_time=timestamp(conversation.end_time) if conversation.end_time else None,
        last_entry_number=conversation.last_number,
        running_call=call_message(running) if running else None,
    )


def call_message(call: Call) -> pb.Call:
    """Return the message for a call."""
    return pb.Call(
        call_id=call.call_id,
        conversation_id=call.conversation_id,
        epoch=call.epoch,
        state=call.state,
        start_time=timestamp(call.start_time),
        end_time=timestamp(call.end_time) if call.end_time else None,
        end_reason=call.end_reason,
    )


def access_message(access: Access) -> pb.CallAccess:
    """Return the message for a caller's access to a call."""
    return pb.CallAccess(
        livekit_url=access.url, livekit_token=access.token, expire_time=timestamp(access.expire_time)
    )
