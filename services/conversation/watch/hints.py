"""Hints, which wake the watchers on other replicas, and their serialization for Redis. Hints may be lost."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from google.protobuf.message import DecodeError
from readback.internal.conversation.storage.v1 import hints_pb2

from mesh.ids import uuid_text
from services.conversation.log.bus import Committed
from services.conversation.model.entries import LogEntry, id_bytes
from services.conversation.watch.live_captions import Caption

ORIGIN_BYTES = 8


@dataclass(frozen=True, slots=True)
class CaptionHint:
    """A caption with the customer who owns its conversation."""

    customer_id: str
    caption: Caption


@dataclass(frozen=True, slots=True)
class CallHint:
    """A call that has ended or whose agent was replaced."""

    call_id: str


Hint = Committed | CaptionHint | CallHint


def origin_prefix(origin: bytes) -> bytes:
    """Return the first bytes of every message of a process; protobuf serializes `origin` first."""
    return hints_pb2.HintBatch(origin=origin).SerializeToString()


def pack_hints(origin: bytes, hints: Iterable[Hint]) -> bytes:
    """Serialize hints into one message. `origin` is a random byte string that identifies this process."""
    batch = hints_pb2.HintBatch(origin=origin)
    for hint in hints:
        match hint:
            case Committed():
                _fill_commit(batch.hints.add().commit, hint)
            case CaptionHint():
                message = batch.hints.add().caption
                message.customer_id = id_bytes(hint.customer_id)
                message.conversation_id = id_bytes(hint.caption.conversation_id)
                message.speech.CopyFrom(hint.caption.speech)
            case CallHint():
                batch.hints.add().call_id = id_bytes(hint.call_id)
    return batch.SerializeToString()


def unpack_hints(message: bytes) -> Iterator[Hint]:
    """Yield the hints of a message. Skip kinds that this version doesn't know.

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


def _fill_commit(message: hints_pb2.CommitHint, commit: Committed) -> None:
    message.customer_id, message.conversation_id = (
        id_bytes(commit.customer_id),
        id_bytes(commit.conversation_id),
    )
    message.head, message.feed_head = commit.head, commit.feed_head
    message.ended, message.deleted, message.changed = commit.ended, commit.deleted, commit.changed
    if commit.sealed:
        message.sealed.extend(map(id_bytes, commit.sealed))
    for entry in commit.entries:
        # Built in place, because `append` would copy a finished message.
        message.entries.add(
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
            call_epoch=entry.call_epoch,
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
        changed=message.changed,
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
        call_epoch=message.call_epoch,
        feed_position=message.feed_position,
    )


def _caption(message: hints_pb2.CaptionHint) -> CaptionHint:
    caption = Caption(_id_text(message.conversation_id), message.speech)
    return CaptionHint(_id_text(message.customer_id), caption)


def _id_text(raw: bytes) -> str:
    return uuid_text(_id(raw))


def _id(raw: bytes) -> bytes:
    if len(raw) != 16:
        raise ValueError("a UUID in the message doesn't have 16 bytes")
    return raw
