"""What a writer hands in, checked and made ready for the log."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime

from google.protobuf.message import Message
from readback.conversation.v1 import entry_pb2

from mesh.errors import FieldViolation, InvalidRequest
from mesh.validation import validate
from services.conversation.entries import KINDS, digest_of, instant, packed


@dataclass(frozen=True, slots=True)
class NewEntry:
    """Something that is over and can be numbered."""

    entry_id: str
    kind: int
    speaker: entry_pb2.Speaker.ValueType
    start_time: datetime
    end_time: datetime
    content: bytes
    digest: bytes
    customer_text: str = ""
    """What the customer said, if this is it."""

    @classmethod
    def of(cls, entry_id: str, content: Message, start_time: datetime, end_time: datetime) -> NewEntry:
        """An entry that holds a content message of the contract."""
        kind, row = KINDS[_NAMES[type(content)]], packed(content)
        speaker, said = entry_pb2.SPEAKER_UNSPECIFIED, ""
        if isinstance(content, entry_pb2.Utterance):
            speaker = content.speaker
            said = content.text if speaker == entry_pb2.SPEAKER_CUSTOMER else ""
        return cls(entry_id, kind, speaker, start_time, end_time, row, digest_of(kind, start_time, end_time, row), said)


@dataclass(frozen=True, slots=True)
class Revision:
    """An utterance that goes on."""

    speech: entry_pb2.OpenUtterance
    start_time: datetime


def is_uuid(text: str) -> bool:
    """Whether a text is a UUID as the contract has it."""
    return _UUID.fullmatch(text) is not None


_UUID = re.compile(r"[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}")
_NAMES: dict[type[Message], str] = {
    entry_pb2.Utterance: "utterance",
    entry_pb2.ToolCall: "tool_call",
    entry_pb2.ToolResult: "tool_result",
    entry_pb2.StateChange: "state_change",
}


def checked(draft: entry_pb2.Draft) -> NewEntry | Revision:
    """A draft ready for the log.

    Raises:
        InvalidRequest: with every field that breaks a rule, those that the contract can't express included.
    """
    validate(draft)
    content: Message = getattr(draft, draft.WhichOneof("content") or "")
    start = instant(draft.start_time)
    if isinstance(content, (entry_pb2.OpenUtterance, entry_pb2.Utterance)) and content.utterance_id.lower() != draft.entry_id.lower():
        raise InvalidRequest([FieldViolation("entry_id", "an utterance's entry id is its utterance id")])
    if isinstance(content, entry_pb2.OpenUtterance):
        return Revision(content, start)
    if not draft.HasField("end_time"):
        raise InvalidRequest([FieldViolation("end_time", "needed for everything but an open utterance")])
    end = instant(draft.end_time)
    if end < start:
        raise InvalidRequest([FieldViolation("end_time", "before the start")])
    return NewEntry.of(draft.entry_id.lower(), content, start, end)
