"""Proof that a writer held an epoch of a call, kept by the writer and by nobody else: nothing is stored for it.

A writer that died leaves its outbox behind, and whoever finds that has no authority of the customer's any more: the grant ends with the
call. The ticket opens less than the grant, which is why it may lie on a disk: with the agent's own token it lets what this writer said in
this epoch be handed in, and nothing else.
"""

from __future__ import annotations

import base64
import hmac
from uuid import UUID

from services.conversation.log.fencing import Writer

_PURPOSE = b"readback late ticket 1"
_BYTES = 16


class LateTickets:
    """Issues tickets and recognises them, with a key of the installation."""

    def __init__(self, key: str) -> None:
        self._key = key.encode()

    def issue(self, writer: Writer) -> str:
        """The ticket of a writer that holds its epoch, always the same."""
        said = _PURPOSE + UUID(writer.call_id).bytes + writer.epoch.to_bytes(8) + UUID(writer.writer_id).bytes
        return base64.urlsafe_b64encode(hmac.digest(self._key, said, "sha256")[:_BYTES]).rstrip(b"=").decode()

    def is_of(self, writer: Writer, ticket: str) -> bool:
        """Whether a ticket was issued to this writer, for this epoch of this call."""
        return hmac.compare_digest(ticket.encode(), self.issue(writer).encode())
