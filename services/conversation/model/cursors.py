"""Cursors: signed positions in a log, which a watcher keeps to resume.

A log is one conversation's entries or a customer's feed. A cursor holds the incarnation of the database and a
fingerprint of the entry at its position. A cursor from a database that was replaced, or restored from a
backup and continued differently, is therefore refused; it can't skip entries silently.
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

from services.conversation.errors import CursorExpired, CursorInvalid

_BODY = struct.Struct(">B8sQ8s")
_MAC_BYTES = 12
_CACHED = 1024
"""Cursors kept in memory: most watchers of a log stand at the same entry."""
_NO_ENTRY = bytes(8)


class LogKind(IntEnum):
    """The kinds of logs; the first byte of a cursor."""

    CONVERSATION = 1
    FEED = 2


class LogId(NamedTuple):
    """One log."""

    kind: LogKind
    id: str
    """The conversation's or the customer's, as UUID text."""

    @classmethod
    def conversation(cls, conversation_id: str) -> LogId:
        """Return the log of one conversation, whose positions are the entries' numbers."""
        return cls(LogKind.CONVERSATION, conversation_id)

    @classmethod
    def feed(cls, customer_id: str) -> LogId:
        """Return the feed of a customer: all of their conversations in the order of commit."""
        return cls(LogKind.FEED, customer_id)


@dataclass(frozen=True, slots=True)
class Position:
    """A reader's place in a log: after the entry with this number."""

    number: int
    """Last position read; 0 before the first entry."""
    fingerprint: bytes = _NO_ENTRY
    """Of the id of the entry there; zeros if there is no entry."""

    @classmethod
    def at(cls, number: int, entry_id: str | None) -> Position:
        """Return the position after an entry."""
        if entry_id is None:
            return cls(number)
        return cls(number, hashlib.blake2b(UUID(entry_id).bytes, digest_size=8).digest())


START = Position(0)
"""The position before the first entry."""


class Cursors:
    """Seals positions into cursors and opens them again."""

    def __init__(self, key: bytes, incarnation: bytes) -> None:
        self._key, self._incarnation = key, incarnation[:8]
        self.seal = lru_cache(_CACHED)(self._seal)
        """`(log, position)` → a cursor, about 60 characters of base64url."""

    def open(self, log: LogId, cursor: str) -> Position:
        """Return the position in a cursor.

        Raises:
            CursorInvalid: malformed, of another log, or not sealed with this key.
            CursorExpired: of another database.
        """
        try:
            raw = base64.b64decode(cursor + "=" * (-len(cursor) % 4), altchars=b"-_", validate=True)
        except (binascii.Error, ValueError):
            raise CursorInvalid from None
        body, mac = raw[: _BODY.size], raw[_BODY.size :]
        if not hmac.compare_digest(mac, self._mac(log, body)):
            raise CursorInvalid
        kind, incarnation, number, fingerprint = _BODY.unpack(body)
        if kind != log.kind:
            raise CursorInvalid
        if incarnation != self._incarnation:
            raise self.expired(log)
        return Position(number, fingerprint)

    def expired(self, log: LogId) -> CursorExpired:
        """Return the error for a cursor whose history is gone."""
        return CursorExpired(self.seal(log, START))

    def _seal(self, log: LogId, position: Position) -> str:
        body = _BODY.pack(log.kind, self._incarnation, position.number, position.fingerprint)
        return base64.urlsafe_b64encode(body + self._mac(log, body)).rstrip(b"=").decode()

    def _mac(self, log: LogId, body: bytes) -> bytes:
        return hmac.digest(self._key, UUID(log.id).bytes + body, "sha256")[:_MAC_BYTES]
