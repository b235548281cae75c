"""What the service remembers, as the domain sees it. Instants are UTC, ids UUID text, contents serialized protobuf."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import IntEnum

from readback.conversation.v1 import conversation_service_pb2 as pb
from readback.conversation.v1 import entry_pb2

from services.conversation.model.times import instant_of


@dataclass(frozen=True, slots=True)
class Conversation:
    """A customer's thread with the agent."""

    key: int
    """Short key inside the database, so that an entry's row needs no UUID for it."""
    conversation_id: str
    customer_id: str
    title: str
    locale: str
    """BCP 47 tag."""
    state: pb.ConversationState.ValueType
    create_time: datetime
    update_time: datetime
    end_time: datetime | None
    last_number: int
    """Number of the last entry; 0 when there is none."""

    @property
    def ended(self) -> bool:
        """Whether nothing will be added any more."""
        return self.state == pb.CONVERSATION_STATE_ENDED


@dataclass(frozen=True, slots=True)
class Call:
    """One LiveKit session of a conversation, and who holds it."""

    key: int
    call_id: str
    conversation_key: int
    conversation_id: str
    customer_id: str
    room: str
    """Name of the LiveKit room, made for this call alone."""
    state: pb.CallState.ValueType
    epoch: int
    """Which agent holds the call; the highest wins."""
    writer_id: str | None
    """The writer that opened this epoch; None while an agent is awaited."""
    holder: str | None
    """The replica that has the writer's stream; None when it broke, or none came yet."""
    dispatches: int
    """How often an agent was asked for since one last joined."""
    dispatch_time: datetime
    """When an agent was last asked for."""
    caller_joined_time: datetime | None
    """When the caller was first seen in the room."""
    access_expire_time: datetime
    """Until when the last token handed out lets the caller join."""
    time_zone: str
    """IANA zone of the caller's clock; empty when unknown."""
    sealed_grant: bytes | None
    """The grant, encrypted; None once it is revoked."""
    start_time: datetime
    end_time: datetime | None
    end_reason: pb.CallEndReason.ValueType

    @property
    def ended(self) -> bool:
        """Whether the call is over."""
        return self.state == pb.CALL_STATE_ENDED

    @property
    def caller_identity(self) -> str:
        """The caller's identity in the room: chosen here, the same for the whole call, so that the room has the caller once."""
        return f"caller-{self.call_id[-12:]}"


@dataclass(frozen=True, slots=True)
class StoredEntry:
    """A sealed position of the log, as it lies in the table."""

    number: int
    entry_id: str
    call_id: str | None
    kind: int
    """Field number of the content in `Entry`."""
    speaker: entry_pb2.Speaker.ValueType
    start_micros: int
    """When it began, in microseconds since 1970: a page of a thousand entries is sent without making a datetime of any."""
    end_micros: int
    commit_micros: int
    late: bool
    content: bytes
    """The content's message, serialized without an utterance's id."""
    feed_position: int = 0
    """Place in the customer's feed; 0 where it was not asked for."""

    @property
    def start_time(self) -> datetime:
        """When it began."""
        return instant_of(self.start_micros)

    @property
    def end_time(self) -> datetime:
        """When it ended."""
        return instant_of(self.end_micros)

    @property
    def commit_time(self) -> datetime:
        """When it was stored."""
        return instant_of(self.commit_micros)


@dataclass(frozen=True, slots=True)
class OpenSpeech:
    """An utterance that is still being spoken, as last revised."""

    call_key: int
    conversation_key: int
    utterance_id: str
    speaker: entry_pb2.Speaker.ValueType
    revision: int
    start_time: datetime
    revise_time: datetime
    content: bytes
    """`OpenUtterance`, serialized without its id."""


class RunKind(IntEnum):
    """What a run of a customer's feed tells."""

    ENTRIES = 1
    """Consecutive entries of one conversation."""
    DELETED = 2
    """A conversation was deleted."""


@dataclass(frozen=True, slots=True)
class FeedRun:
    """Consecutive positions of a customer's feed: entries of one conversation, or its deletion."""

    first_position: int
    conversation_id: str
    first_number: int
    """Number of the entry at the first position; 0 of a deletion."""
    length: int
    kind: RunKind

    @property
    def last_position(self) -> int:
        """The last position that it takes."""
        return self.first_position + self.length - 1

    def goes_on_with(self, conversation_id: str, number: int) -> bool:
        """Whether an entry would extend it."""
        return self.kind is RunKind.ENTRIES and (self.conversation_id, self.first_number + self.length) == (
            conversation_id,
            number,
        )


@dataclass(frozen=True, slots=True)
class FeedEnd:
    """The end of a customer's feed."""

    version: int
    """Counted up by whatever changes one of the customer's logs or who may write it."""
    last_position: int
    """0 when there is nothing."""
