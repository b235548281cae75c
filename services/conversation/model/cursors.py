"""Cursors: signed positions in a log, from which a watcher can resume.

A log is either one conversation's entries or a customer's feed. A cursor contains the incarnation of the
database and a fingerprint of the entry at its position. If the database was replaced, or was restored from a
backup and then got other entries, an old cursor is refused. Otherwise it would silently skip entries.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import struct
from dataclasses import dataclass
from enum import IntEnum
from functools import lru_cache
from typing import NamedTuple
from uuid import UUID

from services.conversation.errors import CursorExpired, InvalidCursor

_BODY = struct.Struct(">B8sQ8s")
_MAC_BYTES = 12
_CACHED = 1024
"""Sealed cursors to cache. Most watchers of a log are at the same entry, so they share a cursor."""
_NO_ENTRY = bytes(8)


class LogKind(IntEnum):
    """The kind of a log. It is the first byte of a cursor."""

    CONVERSATION = 1
    FEED = 2


class LogId(NamedTuple):
    """One log."""

    kind: LogKind
    id: str
    """Id of the conversation, or of the customer for a feed; UUID text."""

    @classmethod
    def conversation(cls, conversation_id: str) -> LogId:
        """Return the log of one conversation. Its positions are the entries' numbers."""
        return cls(LogKind.CONVERSATION, conversation_id)

    @classmethod
    def feed(cls, customer_id: str) -> LogId:
        """Return the feed of a customer: the entries of all their conversations, in the order of commit."""
        return cls(LogKind.FEED, customer_id)


@dataclass(frozen=True, slots=True)
class Position:
    """A reader's position in a log: just after the entry `number`."""

    number: int
    """Last position read; 0 before the first entry."""
    fingerprint: bytes = _NO_ENTRY
    """Fingerprint of that entry's id; zeros if no entry is at this position."""

    @classmethod
    def at(cls, number: int, entry_id: str | None) -> Position:
        """Return the position just after the entry `number`. `entry_id` is None if no such entry exists."""
        if entry_id is None:
            return cls(number)
        return cls(number, hashlib.blake2b(UUID(entry_id).bytes, digest_size=8).digest())


START = Position(0)
"""The position before the first entry."""


class Cursors:
    """Conversion of positions to signed cursors, and back."""

    def __init__(self, key: bytes, incarnation: bytes) -> None:
        self._key, self._incarnation = key, incarnation[:8]
        self.seal = lru_cache(_CACHED)(self._seal)
        """Cached function from `(log, position)` to a cursor: about 60 characters of base64url."""

    def open(self, log: LogId, cursor: str) -> Position:
        """Return the position in a cursor.

        Raises:
            InvalidCursor: the cursor is malformed, is of another log, or wasn't sealed with this key.
            CursorExpired: the cursor was issued by another database.
        """
        try:
            raw = base64.b64decode(cursor + "=" * (-len(cursor) % 4), altchars=b"-_", validate=True)
        except (binascii.Error, ValueError):
            raise InvalidCursor from None
        body, mac = raw[: _BODY.size], raw[_BODY.size :]
        if not hmac.compare_digest(mac, self._mac(log, body)):
            raise InvalidCursor
        kind, incarnation, number, fingerprint = _BODY.unpack(body)
        if kind != log.kind:
            raise InvalidCursor
        if incarnation != self._incarnation:
            raise self.expired(log)
        return Position(number, fingerprint)

    def expired(self, log: LogId) -> CursorExpired:
        """Return the error for a cursor whose position no longer exists in the log."""
        return CursorExpired(self.seal(log, START))

    def _seal(self, log: LogId, position: Position) -> str:
        body = _BODY.pack(log.kind, self._incarnation, position.number, position.fingerprint)
        return base64.urlsafe_b64encode(body + self._mac(log, body)).rstrip(b"=").decode()

    def _mac(self, log: LogId, body: bytes) -> bytes:
        return hmac.digest(self._key, UUID(log.id).bytes + body, "sha256")[:_MAC_BYTES]
