"""What a writer hands in, checked and made ready for the log.

The contract's rules decide. Going through them takes longer than everything else that is done with a draft, so drafts that plainly keep
them are let through by `_plainly_good`; a test holds that it lets nothing through that the contract would refuse.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from google.protobuf.message import Message
from google.protobuf.timestamp_pb2 import Timestamp
from readback.conversation.v1 import entry_pb2

from mesh.contracts.validation import is_time, validate
from mesh.errors import FieldViolation, InvalidRequest
from services.conversation.model.entries import KINDS, packed
from services.conversation.model.times import micros_in

MAX_TEXT = 20_000
"""Characters of an utterance, as the contract has it."""
MAX_CONTENT_BYTES = 1024 * 1024
"""What an entry holds at most, serialized. gRPC takes 4 MiB, and what is larger with its envelope could be stored but read by nobody."""
_MAX_LANGUAGE = 35
_UUID = re.compile(r"[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}")
_is_uuid = _UUID.fullmatch


@dataclass(slots=True)
class NewEntry:
    """Something that is over and can be numbered. Times are microseconds since 1970."""

    entry_id: bytes
    """UUID, 16 bytes."""
    kind: int
    """Field number of the content in `Entry`."""
    speaker: int
    start: int
    end: int
    content: bytes
    """As `entries.packed` gives it."""
    customer_text: str = ""
    """What the customer said, if this is it."""

    @classmethod
    def of(cls, entry_id: bytes, content: Message, start: int, end: int) -> NewEntry:
        """An entry that holds a content message of the contract."""
        speaker, said = 0, ""
        if isinstance(content, entry_pb2.Utterance):
            speaker = content.speaker
            said = content.text if speaker == entry_pb2.SPEAKER_CUSTOMER else ""
        return cls(entry_id, _KIND_OF[type(content)], speaker, start, end, packed(content), said)

    @property
    def fingerprint(self) -> int:
        """Differs when anything that the writer said about the entry differs; only good within this process."""
        return fingerprint(self.kind, self.start, self.end, self.content)


@dataclass(slots=True)
class Revision:
    """An utterance that goes on."""

    entry_id: bytes
    """UUID, 16 bytes."""
    speech: entry_pb2.OpenUtterance
    start: int
    """Microseconds since 1970."""


def fingerprint(kind: int, start: int, end: int, content: bytes) -> int:
    """What tells an entry handed in again from another with its id."""
    return hash((kind, start, end, content))


def is_uuid(text: str) -> bool:
    """Whether a text is a UUID as the contract has it."""
    return _is_uuid(text) is not None


def id_bytes(text: str) -> bytes:
    """The 16 bytes of a UUID in text form."""
    return bytes.fromhex(text.replace("-", ""))


_KIND_OF: dict[type[Message], int] = {
    entry_pb2.Utterance: KINDS["utterance"],
    entry_pb2.ToolCall: KINDS["tool_call"],
    entry_pb2.ToolResult: KINDS["tool_result"],
    entry_pb2.StateChange: KINDS["state_change"],
}


def checked(draft: entry_pb2.Draft) -> NewEntry | Revision:
    """A draft ready for the log.

    Raises:
        InvalidRequest: with every field that breaks a rule, those that the contract can't express included.
    """
    name = draft.WhichOneof("content")
    content: Message = getattr(draft, name or "utterance")
    if not _plainly_good(draft, content):
        validate(draft)
    start = _micros("start_time", draft.start_time)
    if (
        isinstance(content, (entry_pb2.OpenUtterance, entry_pb2.Utterance))
        and content.utterance_id.lower() != draft.entry_id.lower()
    ):
        raise InvalidRequest([FieldViolation("entry_id", "an utterance's entry id is its utterance id")])
    entry_id = id_bytes(draft.entry_id)
    if isinstance(content, entry_pb2.OpenUtterance):
        return Revision(entry_id, content, start)
    if not draft.HasField("end_time"):
        raise InvalidRequest([FieldViolation("end_time", "needed for everything but an open utterance")])
    end = _micros("end_time", draft.end_time)
    if end < start:
        raise InvalidRequest([FieldViolation("end_time", "before the start")])
    entry = NewEntry.of(entry_id, content, start, end)
    if len(entry.content) > MAX_CONTENT_BYTES:
        raise InvalidRequest([FieldViolation(str(name), f"more than {MAX_CONTENT_BYTES} bytes")])
    return entry


def _micros(field: str, timestamp: Timestamp) -> int:
    if not is_time(timestamp):
        raise InvalidRequest([FieldViolation(field, "not a time")])
    return micros_in(timestamp)


def _plainly_good(draft: entry_pb2.Draft, content: Message) -> bool:
    """Whether a draft keeps every rule that the contract has for it. False says nothing."""
    if draft.client_sequence <= 0 or not draft.HasField("start_time") or not _is_uuid(draft.entry_id):
        return False
    if isinstance(content, entry_pb2.Utterance):
        return (
            content.utterance_id == draft.entry_id
            and 1 <= content.speaker <= 2
            and 1 <= content.modality <= 2
            and 1 <= content.sealing <= 3
            and len(content.text) <= MAX_TEXT
            and len(content.generated_text) <= MAX_TEXT
            and len(content.language) <= _MAX_LANGUAGE
            and not content.completes_utterance_id
            and draft.HasField("utterance")
        )
    if isinstance(content, entry_pb2.OpenUtterance):
        return (
            content.utterance_id == draft.entry_id
            and 1 <= content.speaker <= 2
            and 1 <= content.modality <= 2
            and len(content.text) <= MAX_TEXT
            and content.revision >= 0
        )
    return False
