"""Positions in a log that a watcher may keep and nobody can forge.

A cursor holds the incarnation of the database and a fingerprint of the entry it stands on, so that a cursor from a database that
was restored from a backup (and then grew differently) is refused, rather than silently skipping what it never saw.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import struct
from dataclasses import dataclass
from uuid import UUID

from services.conversation.errors import CursorInvalid

_BODY = struct.Struct(">B8sQ8s")
_VERSION = 1
_MAC_BYTES = 12


@dataclass(frozen=True, slots=True)
class Position:
    """Where a reader stands: after this entry."""

    number: int
    """Number of the last entry read; 0 for none."""
    fingerprint: bytes = bytes(8)
    """Of that entry's id; zeros for none."""

    @classmethod
    def at(cls, number: int, entry_id: str | None) -> Position:
        """After an entry."""
        return cls(number, bytes(8) if entry_id is None else hashlib.blake2b(UUID(entry_id).bytes, digest_size=8).digest())


START = Position(0)
"""Before the first entry."""


class Cursors:
    """Seals positions into cursors and opens them again."""

    def __init__(self, key: bytes, incarnation: bytes) -> None:
        self._key, self._incarnation = key, incarnation[:8]

    def seal(self, conversation_id: str, position: Position) -> str:
        """A cursor, about 60 characters of base64url."""
        body = _BODY.pack(_VERSION, self._incarnation, position.number, position.fingerprint)
        return base64.urlsafe_b64encode(body + self._mac(conversation_id, body)).rstrip(b"=").decode()

    def open(self, conversation_id: str, cursor: str) -> Position:
        """The position in a cursor.

        Raises:
            CursorInvalid: malformed, of another log, of another database, or not sealed here.
        """
        try:
            raw = base64.b64decode(cursor + "=" * (-len(cursor) % 4), altchars=b"-_", validate=True)
        except (binascii.Error, ValueError):
            raise CursorInvalid from None
        body, mac = raw[: _BODY.size], raw[_BODY.size :]
        if not hmac.compare_digest(mac, self._mac(conversation_id, body)):
            raise CursorInvalid
        version, incarnation, number, fingerprint = _BODY.unpack(body)
        if version != _VERSION or incarnation != self._incarnation:
            raise CursorInvalid
        return Position(number, fingerprint)

    def _mac(self, conversation_id: str, body: bytes) -> bytes:
        return hmac.digest(self._key, UUID(conversation_id).bytes + body, "sha256")[:_MAC_BYTES]
