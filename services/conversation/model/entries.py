"""Between the rows of the log and the messages of the contract. Rows keep contents without the ids that the row has anyway."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime

from google.protobuf.message import Message
from google.protobuf.timestamp_pb2 import Timestamp
from readback.conversation.v1 import entry_pb2

from services.conversation.model.records import OpenSpeech, StoredEntry

KINDS: Mapping[str, int] = {
    field.name: field.number for field in entry_pb2.Entry.DESCRIPTOR.oneofs_by_name["content"].fields
}
"""Field number in `Entry` by the content's name."""
NAMES: Mapping[int, str] = {number: name for name, number in KINDS.items()}
"""The content's name by field number in `Entry`."""

_ID_FIRST = b"\x0a\x24"  # field 1, 36 bytes: how a serialized utterance begins
_AFTER_ID = 38
_UTTERANCE = KINDS["utterance"]


def instant(timestamp: Timestamp) -> datetime:
    """A UTC datetime, microseconds."""
    return timestamp.ToDatetime(UTC)


def timestamp(instant: datetime) -> Timestamp:
    """The message for a UTC datetime."""
    message = Timestamp()
    message.FromDatetime(instant)
    return message


def packed(content: Message) -> bytes:
    """A content as a row keeps it: always the same bytes for the same content, without an utterance's id."""
    row = content.SerializeToString(deterministic=True)
    if not isinstance(content, (entry_pb2.Utterance, entry_pb2.OpenUtterance)) or not content.utterance_id:
        return row
    if row.startswith(_ID_FIRST):
        return row[_AFTER_ID:]
    bare: Message = type(content)()
    bare.CopyFrom(content)
    bare.ClearField("utterance_id")
    return bare.SerializeToString(deterministic=True)


def entry_message(conversation_id: str, stored: StoredEntry) -> entry_pb2.Entry:
    """The contract's message for a row of the log."""
    entry = entry_pb2.Entry(
        number=stored.number,
        entry_id=stored.entry_id,
        conversation_id=conversation_id,
        call_id=stored.call_id or "",
        start_time=_timestamp_of(stored.start_micros),
        end_time=_timestamp_of(stored.end_micros),
        commit_time=_timestamp_of(stored.commit_micros),
        late=stored.late,
    )
    content: Message = getattr(entry, NAMES[stored.kind])
    content.SetInParent()
    content.MergeFromString(stored.content)
    if stored.kind == _UTTERANCE:
        entry.utterance.utterance_id = stored.entry_id
    return entry


def open_message(speech: OpenSpeech) -> entry_pb2.OpenUtterance:
    """The contract's message for an open utterance."""
    message = entry_pb2.OpenUtterance.FromString(speech.content)
    message.utterance_id = speech.utterance_id
    message.start_time.CopyFrom(timestamp(speech.start_time))
    return message


def _timestamp_of(micros: int) -> Timestamp:
    seconds, rest = divmod(micros, 1_000_000)
    return Timestamp(seconds=seconds, nanos=rest * 1000)
