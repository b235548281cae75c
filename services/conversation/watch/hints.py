"""What replicas tell each other over Redis: small records, many to a message, and none that anybody relies on."""

from __future__ import annotations

import struct
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from google.protobuf.message import DecodeError
from readback.conversation.v1 import entry_pb2

from mesh.ids import uuid_text
from services.conversation.log.bus import Committed
from services.conversation.model.records import StoredEntry
from services.conversation.watch.live_captions import Spoken

ORIGIN_BYTES = 8
_KIND_AND_SIZE = struct.Struct(">BI")
_COMMIT = struct.Struct(">16s16sQQB")
_SPEECH = struct.Struct(">16s16s")
_ENTRY = struct.Struct(">QQ16s16sBBB3qI")
_COUNT = struct.Struct(">H")
_COMMITTED, _SPOKEN, _CALL = 1, 2, 3
_ENDED, _DELETED = 1, 2
_NO_CALL = bytes(16)


@dataclass(frozen=True, slots=True)
class SpokenHint:
    """Live text, and whose conversation it is of."""

    customer_id: str
    spoken: Spoken


@dataclass(frozen=True, slots=True)
class CallHint:
    """A call ended or changed hands."""

    call_id: str


Hint = Committed | SpokenHint | CallHint


def packed(origin: bytes, hints: Iterable[Hint]) -> bytes:
    """One message. `origin` is 8 bytes by which a process knows its own."""
    parts = [origin]
    for hint in hints:
        kind, body = _packed(hint)
        parts += (_KIND_AND_SIZE.pack(kind, len(body)), body)
    return b"".join(parts)


def unpacked(message: bytes) -> Iterator[Hint]:
    """The hints of a message; of kinds that a newer replica sends nothing is made.

    Raises:
        ValueError: this is no such message.
    """
    place = ORIGIN_BYTES
    try:
        while place < len(message):
            kind, size = _KIND_AND_SIZE.unpack_from(message, place)
            place += _KIND_AND_SIZE.size
            if place + size > len(message):
                raise ValueError("a hint is cut short")
            hint = _hint(kind, message[place : place + size])
            if hint is not None:
                yield hint
            place += size
    except (struct.error, DecodeError) as error:
        raise ValueError(str(error)) from None


def _packed(hint: Hint) -> tuple[int, bytes]:
    match hint:
        case Committed():
            flags = hint.ended * _ENDED | hint.deleted * _DELETED
            head = _COMMIT.pack(
                _raw(hint.customer_id), _raw(hint.conversation_id), hint.head, hint.feed_head, flags
            )
            entries = b"".join(map(_entry, hint.entries))
            return _COMMITTED, b"".join(
                (head, _COUNT.pack(len(hint.entries)), entries, *map(_raw, hint.sealed))
            )
        case SpokenHint():
            head = _SPEECH.pack(_raw(hint.customer_id), _raw(hint.spoken.conversation_id))
            return _SPOKEN, head + hint.spoken.speech.SerializeToString()
        case CallHint():
            return _CALL, _raw(hint.call_id)


def _hint(kind: int, body: bytes) -> Hint | None:
    if kind == _COMMITTED:
        customer, conversation, head, feed_head, flags = _COMMIT.unpack_from(body)
        entries, place = _entries(body, _COMMIT.size)
        sealed = _texts(body[place:])
        return Committed(
            uuid_text(customer),
            uuid_text(conversation),
            head,
            feed_head,
            entries,
            sealed,
            ended=bool(flags & _ENDED),
            deleted=bool(flags & _DELETED),
        )
    if kind == _SPOKEN:
        customer, conversation = _SPEECH.unpack_from(body)
        speech = entry_pb2.OpenUtterance.FromString(body[_SPEECH.size :])
        return SpokenHint(uuid_text(customer), Spoken(uuid_text(conversation), speech))
    return CallHint(uuid_text(body)) if kind == _CALL else None


def _entry(stored: StoredEntry) -> bytes:
    head = _ENTRY.pack(
        stored.number,
        stored.feed_position,
        _raw(stored.entry_id),
        _raw(stored.call_id) if stored.call_id else _NO_CALL,
        stored.kind,
        stored.speaker,
        stored.late,
        stored.start_micros,
        stored.end_micros,
        stored.commit_micros,
        len(stored.content),
    )
    return head + stored.content


def _entries(body: bytes, place: int) -> tuple[Sequence[StoredEntry], int]:
    """The entries of a commit, and where what follows them begins."""
    (count,) = _COUNT.unpack_from(body, place)
    place += _COUNT.size
    found = []
    for _ in range(count):
        number, feed_position, entry_id, call_id, kind, speaker, late, start, end, commit, size = (
            _ENTRY.unpack_from(body, place)
        )
        place += _ENTRY.size
        content = body[place : place + size]
        place += size
        call = None if call_id == _NO_CALL else uuid_text(call_id)
        found.append(
            StoredEntry(
                number,
                uuid_text(entry_id),
                call,
                kind,
                speaker,
                start,
                end,
                commit,
                bool(late),
                content,
                feed_position,
            )
        )
    return found, place


def _raw(text: str) -> bytes:
    return bytes.fromhex(text.replace("-", ""))


def _texts(raw: bytes) -> Sequence[str]:
    return [uuid_text(raw[place : place + 16]) for place in range(0, len(raw), 16)]
