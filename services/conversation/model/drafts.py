"""Validation of a writer's drafts, and their conversion to entries and revisions.

The contract's rules decide. Evaluating them is the slowest step of handling a draft, so `_surely_valid` first
recognises common valid drafts with cheaper checks. A test ensures that the rules accept every such draft.
"""

from __future__ import annotations

import re

from google.protobuf.message import Message
from google.protobuf.timestamp_pb2 import Timestamp
from readback.conversation.v1 import entry_pb2
from readback.internal.conversation.v1 import call_record_service_pb2 as call_record

from mesh.contracts.validation import is_time, validate
from mesh.errors import FieldViolation, InvalidRequest
from services.conversation.model.entries import LogEntry, Revision, id_bytes, pack
from services.conversation.model.times import micros_in

MAX_TEXT = 20_000
"""Most characters of an utterance. It is the contract's limit."""
MAX_CONTENT_BYTES = 1024 * 1024
"""Most bytes of a serialized content. gRPC clients accept messages of at most 4 MiB, so a larger entry could
be stored but not read."""
_MAX_LOCALE = 35
_MAX_WORDS = 10_000
is_uuid = re.compile(r"[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}").fullmatch
"""Match a UUID in the contract's format."""


def check_draft(draft: call_record.Draft) -> LogEntry | Revision:
    """Validate a draft and convert it to an entry or a revision.

    Raises:
        InvalidRequest: the draft breaks a rule of the contract, or a rule that the contract can't express.
    """
    name = draft.WhichOneof("content")
    content: Message = getattr(draft, name or "utterance")
    if not _surely_valid(draft, content):
        validate(draft)
        _refuse_unknown_values(str(name), content)
    start = _micros("start_time", draft.start_time)
    if (
        isinstance(content, (call_record.OpenUtterance, entry_pb2.Utterance))
        and content.utterance_id.lower() != draft.entry_id.lower()
    ):
        raise InvalidRequest([FieldViolation("entry_id", "must equal the utterance's `utterance_id`")])
    if isinstance(content, entry_pb2.Utterance) and content.HasField("delivered_through"):
        _micros("utterance.delivered_through.play_time", content.delivered_through.play_time)
    entry_id = id_bytes(draft.entry_id)
    if isinstance(content, call_record.OpenUtterance):
        return Revision(entry_id, content.speaker, content.revision, start, pack(content))
    if not draft.HasField("end_time"):
        raise InvalidRequest([FieldViolation("end_time", "required unless the content is an open utterance")])
    end = _micros("end_time", draft.end_time)
    if end < start:
        raise InvalidRequest([FieldViolation("end_time", "must not be before `start_time`")])
    entry = LogEntry.of(entry_id, content, start, end)
    if len(entry.content) > MAX_CONTENT_BYTES:
        raise InvalidRequest([FieldViolation(str(name), f"must be at most {MAX_CONTENT_BYTES} bytes")])
    return entry


def _refuse_unknown_values(name: str, content: Message) -> None:
    """Raise InvalidRequest for values that an enum doesn't have. The contract allows them, for readers."""
    violations = [
        FieldViolation(f"{name}.{field.name}", f"has the unknown value {value}")
        for field, value in content.ListFields()
        if field.enum_type is not None and value not in field.enum_type.values_by_number
    ]
    if violations:
        raise InvalidRequest(violations)


def _micros(field: str, timestamp: Timestamp) -> int:
    if not is_time(timestamp):
        raise InvalidRequest([FieldViolation(field, "not a time")])
    return micros_in(timestamp)


def _surely_valid(draft: call_record.Draft, content: Message) -> bool:
    """Return True if a draft certainly follows all rules of the contract; False if `validate` must decide."""
    if draft.client_sequence <= 0 or not draft.HasField("start_time") or not is_uuid(draft.entry_id):
        return False
    if isinstance(content, entry_pb2.Utterance):
        return (
            content.utterance_id == draft.entry_id
            and 1 <= content.speaker <= 2
            and 1 <= content.modality <= 2
            and 1 <= content.sealing <= 3
            and len(content.text) <= MAX_TEXT
            and len(content.generated_text) <= MAX_TEXT
            and len(content.locale) <= _MAX_LOCALE
            and not content.completes_utterance_id
            and not content.readback_of
            and not content.second_question_of
            and not content.HasField("delivered_through")
            and len(content.word_confidences) <= _MAX_WORDS
            and all(0 <= confidence <= 1 for confidence in content.word_confidences)
            and draft.HasField("utterance")
        )
    if isinstance(content, call_record.OpenUtterance):
        return (
            content.utterance_id == draft.entry_id
            and 1 <= content.speaker <= 2
            and 1 <= content.modality <= 2
            and len(content.text) <= MAX_TEXT
            and content.revision >= 0
        )
    return False
