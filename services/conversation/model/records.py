"""Conversations and calls as stored. Instants are UTC, ids are UUIDs in text form."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from google.protobuf.timestamp_pb2 import Timestamp
from readback.conversation.v1 import conversation_service_pb2 as pb
from readback.conversation.v1 import entry_pb2

from mesh.clock import timestamp
from mesh.contracts.updates import with_etag


@dataclass(frozen=True, slots=True)
class Conversation:
    """A conversation of a customer with the agent. It may have several calls."""

    key: int
    """Key of the row, used in other tables because it is shorter than the UUID."""
    conversation_id: str
    customer_id: str
    title: str
    locale: str
    """BCP 47 tag."""
    state: pb.ConversationState.ValueType
    create_time: datetime
    update_time: datetime
    """Time of the last change, also by an entry."""
    last_entry_time: datetime | None
    """Commit time of the last entry."""
    end_time: datetime | None
    last_number: int
    """Number of the last entry; 0 if there is none."""

    @property
    def ended(self) -> bool:
        """True if the conversation has ended; it accepts no more entries."""
        return self.state == pb.CONVERSATION_STATE_ENDED


@dataclass(frozen=True, slots=True)
class Call:
    """One LiveKit session of a conversation, and the agent that holds it."""

    key: int
    call_id: str
    conversation_key: int
    conversation_id: str
    customer_id: str
    room: str
    """Name of the LiveKit room. No other call uses it."""
    state: pb.CallState.ValueType
    epoch: int
    """Incremented by each dispatch of an agent. Only a writer with this epoch may write."""
    writer_id: str | None
    """Id of the writer that opened this epoch; None until the agent opens its stream."""
    holder: str | None
    """Id of the replica that serves the writer's stream; None without a stream."""
    dispatches: int
    """Number of dispatches since an agent last joined."""
    dispatch_time: datetime
    """Time of the last dispatch."""
    caller_joined_time: datetime | None
    """Time at which the caller was first seen in the room."""
    access_expire_time: datetime
    """Expiry of the caller's most recent token for the room."""
    time_zone: str
    """IANA time zone of the caller; empty if unknown."""
    sealed_grant: bytes | None
    """The encrypted grant; None after it is revoked."""
    create_time: datetime
    answer_time: datetime | None
    """Time at which an agent first opened its stream."""
    end_time: datetime | None
    end_reason: entry_pb2.CallEndReason.ValueType

    @property
    def ended(self) -> bool:
        """True if the call has ended."""
        return self.state == pb.CALL_STATE_ENDED

    @property
    def caller_identity(self) -> str:
        """The caller's identity in the room. It stays the same when the caller rejoins."""
        return f"caller-{self.call_id[-12:]}"


def conversation_message(
    conversation: Conversation, running: Call | None, place_in_line: int = 0
) -> pb.Conversation:
    """Return the message for a conversation and its running call, if any."""
    return with_etag(
        ("title", "locale", "state"),
        pb.Conversation(
            conversation_id=conversation.conversation_id,
            title=conversation.title,
            locale=conversation.locale,
            state=conversation.state,
            create_time=timestamp(conversation.create_time),
            update_time=timestamp(conversation.update_time),
            end_time=_timestamp(conversation.end_time),
            last_entry_number=conversation.last_number,
            last_entry_time=_timestamp(conversation.last_entry_time),
            running_call=call_message(running, place_in_line) if running else None,
        ),
    )


def call_message(call: Call, place_in_line: int = 0) -> pb.Call:
    """Return the message for a call."""
    return pb.Call(
        call_id=call.call_id,
        conversation_id=call.conversation_id,
        epoch=call.epoch,
        state=call.state,
        create_time=timestamp(call.create_time),
        answer_time=_timestamp(call.answer_time),
        end_time=_timestamp(call.end_time),
        end_reason=call.end_reason,
        place_in_line=place_in_line or None,
    )


def _timestamp(instant: datetime | None) -> Timestamp | None:
    return None if instant is None else timestamp(instant)
