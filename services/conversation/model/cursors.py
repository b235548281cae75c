"""Positions in a log that a watcher may keep and nobody can forge.

A log is one conversation's entries, or a customer's feed: what happened in all of their conversations. A cursor holds the incarnation of
the database and a fingerprint of the entry it stands on, so that a cursor from a database that was replaced, or restored from a backup
and then grew differently, is refused, rather than silently skipping what its owner never saw.
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
_REMEMBERED = 1024
"""Cursors sealed lately that are kept: all who watch a log stand on the same entry most of the time."""


class LogKind(IntEnum):
    """What a log is of; the first byte of its cursors."""

    CONVERSATION = 1
    FEED = 2


class LogId(NamedTuple):
    """One log."""

    kind: LogKind
    id: str
    """The conversation's, or the customer's; UUID text."""

    @classmethod
    def conversation(cls, conversation_id: str) -> LogId:
        """The log of one conversation; positions are its entries' numbers."""
        return cls(LogKind.CONVERSATION, conversation_id)

    @classmethod
    def feed(cls, customer_id: str) -> LogId:
        """What happens in all of a customer's conversations, in the order of commit."""
        return cls(LogKind.FEED, customer_id)


@dataclass(frozen=True, slots=True)
class Position:
    """Where a reader of a log stands: after this place."""

    number: int
    """Of the last place read; 0 for none."""
    fingerprint: bytes = bytes(8)
    """Of the id of the entry there; zeros where there is none, or none any more."""

    @classmethod
    def at(cls, number: int, entry_id: str | None) -> Position:
        """After an entry."""
        return cls(number, bytes(8) if entry_id is None else fingerprint_of(entry_id))


def fingerprint_of(entry_id: str) -> bytes:
    """8 bytes that tell an entry's id from others."""
    return hashlib.blake2b(UUID(entry_id).bytes, digest_size=8).digest()


START = Position(0)
"""Before the first entry."""


class Cursors:
    """Seals positions into cursors and opens them again."""

    def __init__(self, key: bytes, incarnation: bytes) -> None:
        self._key, self._incarnation = key, incarnation[:8]
        self.seal = lru_cache(_REMEMBERED)(self._seal)
        """`(log, position)` → a cursor, about 60 characters of base64url."""

    def open(self, log: LogId, cursor: str) -> Position:
        """The position in a cursor.

        Raises:
            CursorInvalid: malformed, of another log, or not sealed here.
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
        """The refusal of a cursor whose history is gone."""
        return CursorExpired(self.seal(log, START))

    def _seal(self, log: LogId, position: Position) -> str:
        body = _BODY.pack(log.kind, self._incarnation, position.number, position.fingerprint)
        return base64.urlsafe_b64encode(body + self._mac(log, body)).rstrip(b"=").decode()

    def _mac(self, log: LogId, body: bytes) -> bytes:
        return hmac.digest(self._key, UUID(log.id).bytes + body, "sha256")[:_MAC_BYTES]
