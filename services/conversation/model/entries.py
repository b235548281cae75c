"""Log entries, open utterances, and their conversion to messages of the contract."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from google.protobuf.message import Message
from readback.conversation.v1 import conversation_service_pb2 as pb
from readback.conversation.v1 import entry_pb2
from readback.internal.conversation.v1 import call_record_service_pb2 as call_record

from mesh.ids import uuid_text
from services.conversation.model.times import timestamp_of

KINDS: Mapping[str, int] = {
    field.name: field.number for field in entry_pb2.Entry.DESCRIPTOR.oneofs_by_name["content"].fields
}
"""Field numbers of the contents in `Entry`, by field name."""
NAMES: Mapping[int, str] = {number: name for name, number in KINDS.items()}
"""Field names of the contents in `Entry`, by field number."""
UTTERANCE = KINDS["utterance"]

_KIND_OF_MESSAGE: Mapping[type[Message], int] = {
    entry_pb2.Utterance: UTTERANCE,
    entry_pb2.ToolCall: KINDS["tool_call"],
    entry_pb2.ToolResult: KINDS["tool_result"],
    entry_pb2.StateChange: KINDS["state_change"],
}
_KIND_OF_FILTER: Mapping[int, int] = {
    pb.ENTRY_KIND_UTTERANCE: UTTERANCE,
    pb.ENTRY_KIND_TOOL_CALL: KINDS["tool_call"],
    pb.ENTRY_KIND_TOOL_RESULT: KINDS["tool_result"],
    pb.ENTRY_KIND_STATE_CHANGE: KINDS["state_change"],
}
_ID_FIRST = b"\x0a\x24"  # start of a serialized utterance: field 1 with 36 bytes
_AFTER_ID = 38


@dataclass(slots=True)
class LogEntry:
    """One entry of the log. The commit that adds the entry sets the fields after `content`.

    Times are microseconds since 1970, because creating datetimes for thousands of entries would be slow.
    """

    entry_id: bytes
    """UUID, 16 bytes."""
    kind: int
    """Field number of the content in `Entry`."""
    speaker: entry_pb2.Speaker.ValueType
    """Speaker of an utterance; unspecified for other contents."""
    start_micros: int
    end_micros: int
    content: bytes
    """The content message, serialized by `pack`."""
    number: int = 0
    call_id: str | None = None
    commit_micros: int = 0
    late: bool = False
    """True if the writer had already lost the call when it appended the entry."""
    call_epoch: int = 0
    """Epoch in which the entry was written; 0 outside calls, and for entries stored before epochs were."""
    feed_position: int = 0
    """Position in the customer's feed; 0 if unknown."""

    @classmethod
    def of(cls, entry_id: bytes, content: Message, start: int, end: int) -> LogEntry:
        """Return an entry with this content. `start` and `end` are microseconds since 1970."""
        speaker = (
            content.speaker if isinstance(content, entry_pb2.Utterance) else entry_pb2.SPEAKER_UNSPECIFIED
        )
        return cls(entry_id, _KIND_OF_MESSAGE[type(content)], speaker, start, end, pack(content))

    @property
    def fingerprint(self) -> int:
        """A hash of the writer's data. Only comparable within this process."""
        return fingerprint(self.kind, self.start_micros, self.end_micros, self.content)


@dataclass(slots=True)
class Revision:
    """The latest revision of an open utterance, which is still being spoken.

    The commit that stores the revision sets the fields after `content`. Times are microseconds since 1970.
    """

    entry_id: bytes
    """UUID, 16 bytes. When the utterance is sealed, its entry has the same id."""
    speaker: entry_pb2.Speaker.ValueType
    revision: int
    start_micros: int
    content: bytes
    """The `OpenUtterance` message, serialized by `pack`."""
    conversation_key: int = 0
    call_key: int = 0
    revise_micros: int = 0

    def row(self) -> tuple[object, ...]:
        """Return the row of `open_utterances`, in the order of its columns."""
        return (
            self.conversation_key,
            self.entry_id,
            self.call_key,
            self.speaker,
            self.revision,
            self.start_micros,
            self.revise_micros,
            self.content,
        )


@dataclass(frozen=True, slots=True)
class EntryFilter:
    """A filter of entries. An empty set allows all. It can check 100,000 entries a second."""

    kinds: frozenset[int] = frozenset()
    """Field numbers of contents in `Entry`."""
    speakers: frozenset[int] = frozenset()
    """Speakers of utterances. Other entries have the speaker 0."""

    @classmethod
    def of(cls, message: pb.EntryFilter) -> EntryFilter:
        """Return the filter that a request asks for."""
        return cls(frozenset(_KIND_OF_FILTER[kind] for kind in message.kinds), frozenset(message.speakers))

    def __bool__(self) -> bool:
        return bool(self.kinds or self.speakers)

    def admits(self, kind: int, speaker: int) -> bool:
        """Return whether an entry with this kind and speaker passes the filter."""
        return (not self.kinds or kind in self.kinds) and (not self.speakers or speaker in self.speakers)


EVERYTHING = EntryFilter()
"""The filter that all entries pass."""


def fingerprint(kind: int, start: int, end: int, content: bytes) -> int:
    """Return a hash to compare two entries with the same id. A retried entry has the same hash."""
    return hash((kind, start, end, content))


def id_bytes(text: str) -> bytes:
    """Return the 16 bytes of a UUID in text form."""
    return bytes.fromhex(text.replace("-", ""))


def pack(content: Message) -> bytes:
    """Serialize a content message deterministically.

    The id of an utterance is left out, because it is already stored as the entry's id.
    """
    row = content.SerializeToString(deterministic=True)
    if not isinstance(content, (entry_pb2.Utterance, call_record.OpenUtterance)) or not content.utterance_id:
        return row
    if row.startswith(_ID_FIRST):
        return row[_AFTER_ID:]
    bare: Message = type(content)()
    bare.CopyFrom(content)
    bare.ClearField("utterance_id")
    return bare.SerializeToString(deterministic=True)


def entry_message(conversation_id: str, entry: LogEntry) -> entry_pb2.Entry:
    """Return the contract's message for an entry."""
    entry_id = uuid_text(entry.entry_id)
    message = entry_pb2.Entry(
        number=entry.number,
        entry_id=entry_id,
        conversation_id=conversation_id,
        call_id=entry.call_id or "",
        start_time=timestamp_of(entry.start_micros),
        end_time=timestamp_of(entry.end_micros),
        commit_time=timestamp_of(entry.commit_micros),
        late=entry.late,
        call_epoch=entry.call_epoch,
    )
    content: Message = getattr(message, NAMES[entry.kind])
    content.SetInParent()
    content.MergeFromString(entry.content)
    if entry.kind == UTTERANCE:
        message.utterance.utterance_id = entry_id
    return message


def open_utterance_message(revision: Revision) -> call_record.OpenUtterance:
    """Return the contract's message for an open utterance."""
    message = call_record.OpenUtterance.FromString(revision.content)
    message.utterance_id = uuid_text(revision.entry_id)
    message.start_time.CopyFrom(timestamp_of(revision.start_micros))
    return message
