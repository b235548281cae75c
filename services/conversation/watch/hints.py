"""Hints: the wake-ups that replicas send each other over Redis, and their serialization. They may be lost."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from google.protobuf.message import DecodeError
from readback.conversation.storage.v1 import hints_pb2

from mesh.ids import uuid_text
from services.conversation.log.bus import Committed
from services.conversation.model.entries import LogEntry, id_bytes
from services.conversation.watch.live_captions import Caption

ORIGIN_BYTES = 8


@dataclass(frozen=True, slots=True)
class CaptionHint:
    """A caption, and the customer of its conversation."""

    customer_id: str
    caption: Caption


@dataclass(frozen=True, slots=True)
class CallHint:
    """A call that ended or changed hands."""

    call_id: str


Hint = Committed | CaptionHint | CallHint


def origin_prefix(origin: bytes) -> bytes:
    """Return the bytes that every message of a process starts with, since protobuf writes fields in order."""
    return hints_pb2.HintBatch(origin=origin).SerializeToString()


def pack_hints(origin: bytes, hints: Iterable[Hint]) -> bytes:
    """Serialize hints into one message. `origin` are random bytes that identify the sending process."""
    return hints_pb2.HintBatch(origin=origin, hints=map(_message, hints)).SerializeToString()


def unpack_hints(message: bytes) -> Iterator[Hint]:
    """Yield the hints of a message. Skip kinds that only a newer replica knows.

    Raises:
        ValueError: the message is malformed.
    """
    try:
        batch = hints_pb2.HintBatch.FromString(message)
    except DecodeError as error:
        raise ValueError(str(error)) from None
    for hint in batch.hints:
        match hint.WhichOneof("kind"):
            case "commit":
                yield _commit(hint.commit)
            case "caption":
                yield _caption(hint.caption)
            case "call_id":
                yield CallHint(_id_text(hint.call_id))


def _message(hint: Hint) -> hints_pb2.Hint:
    match hint:
        case Committed():
            return hints_pb2.Hint(
                commit=hints_pb2.CommitHint(
                    customer_id=id_bytes(hint.customer_id),
                    conversation_id=id_bytes(hint.conversation_id),
                    head=hint.head,
                    feed_head=hint.feed_head,
                    entries=map(_entry_message, hint.entries),
                    sealed=map(id_bytes, hint.sealed),
                    ended=hint.ended,
                    deleted=hint.deleted,
                )
            )
        case CaptionHint():
            return hints_pb2.Hint(
                caption=hints_pb2.CaptionHint(
                    customer_id=id_bytes(hint.customer_id),
                    conversation_id=id_bytes(hint.caption.conversation_id),
                    speech=hint.caption.speech,
                )
            )
        case CallHint():
            return hints_pb2.Hint(call_id=id_bytes(hint.call_id))


def _entry_message(entry: LogEntry) -> hints_pb2.HintEntry:
    return hints_pb2.HintEntry(
        number=entry.number,
        feed_position=entry.feed_position,
        entry_id=entry.entry_id,
        call_id=id_bytes(entry.call_id or ""),
        kind=entry.kind,
        speaker=entry.speaker,
        start_micros=entry.start_micros,
        end_micros=entry.end_micros,
        commit_micros=entry.commit_micros,
        late=entry.late,
        content=entry.content,
    )


def _commit(message: hints_pb2.CommitHint) -> Committed:
    return Committed(
        customer_id=_id_text(message.customer_id),
        conversation_id=_id_text(message.conversation_id),
        head=message.head,
        feed_head=message.feed_head,
        entries=[_entry(entry) for entry in message.entries],
        sealed=[_id_text(entry_id) for entry_id in message.sealed],
        ended=message.ended,
        deleted=message.deleted,
    )


def _entry(message: hints_pb2.HintEntry) -> LogEntry:
    return LogEntry(
        entry_id=_id(message.entry_id),
        kind=message.kind,
        speaker=message.speaker,  # type: ignore[arg-type]  # sent from the contract's enum
        start_micros=message.start_micros,
        end_micros=message.end_micros,
        content=message.content,
        number=message.number,
        call_id=_id_text(message.call_id) if message.call_id else None,
        commit_micros=message.commit_micros,
        late=message.late,
        feed_position=message.feed_position,
    )


def _caption(message: hints_pb2.CaptionHint) -> CaptionHint:
    caption = Caption(_id_text(message.conversation_id), message.speech)
    return CaptionHint(_id_text(message.customer_id), caption)


def _id_text(raw: bytes) -> str:
    return uuid_text(_id(raw))


def _id(raw: bytes) -> bytes:
    if len(raw) != 16:
        raise ValueError("a UUID of the message doesn't have 16 bytes")
    return raw
