"""The writer fence. It decides which writer may append to a call's log, and whether the entries are late.

An agent is dispatched with an epoch. The first writer that opens the epoch holds the call. The dispatch of
another agent increments the epoch. Every writer with a lower epoch has then lost the call, even if it hasn't
noticed yet. The call's row decides, inside the write transaction.

A writer that holds a call also gets a late ticket. If the writer dies, another process may find its outbox.
That process can't use the grant, which ends with the call; it uses the ticket and the agent's own token. The
ticket only allows appends of this writer in this epoch, so it may be stored on a disk, unlike the grant.
"""

from __future__ import annotations

import base64
import hmac
from dataclasses import dataclass
from enum import Enum
from uuid import UUID

from services.conversation.errors import CallEnded, EpochHeld, StaleEpoch
from services.conversation.model.records import Call

_TICKET_PURPOSE = b"readback late ticket 1"
_TICKET_BYTES = 16


@dataclass(frozen=True, slots=True)
class Writer:
    """An agent's process that writes the log of one call."""

    call_id: str
    epoch: int
    writer_id: str
    """UUID of the writer. It stays the same when the writer reopens its stream."""


class Opening(Enum):
    """Result of opening a stream."""

    JOINED = "joined"
    """The writer now holds the call."""
    REOPENED = "reopened"
    """The writer already held the call; its previous stream was broken."""


class Standing(Enum):
    """Standing of a writer that appends without a stream."""

    HOLDER = "holder"
    """The writer holds the call."""
    LATE = "late"
    """The writer has lost the call. It appends entries that it created earlier."""


def opening(call: Call, writer: Writer) -> Opening:
    """Decide whether a writer may open its stream.

    Raises:
        CallEnded: the call has ended.
        StaleEpoch: the writer's epoch isn't the epoch of the last dispatch.
        EpochHeld: another writer opened the epoch first.
    """
    if call.ended:
        raise CallEnded(call.end_reason)
    if writer.epoch != call.epoch:
        raise StaleEpoch(call.epoch)
    if call.writer_id is None:
        return Opening.JOINED
    if call.writer_id != writer.writer_id:
        raise EpochHeld(call.epoch)
    return Opening.REOPENED


def require_holder(call: Call, writer: Writer) -> None:
    """Check that a writer holds the call.

    Raises:
        CallEnded, StaleEpoch, EpochHeld: see `opening`. `StaleEpoch` also if the call was never opened.
    """
    if opening(call, writer) is Opening.JOINED:
        raise StaleEpoch(call.epoch)  # no writer has opened this epoch


def standing(call: Call, writer: Writer) -> Standing:
    """Decide whether a writer may append without a stream, and whether its entries are late.

    Raises:
        StaleEpoch: the epoch was never dispatched.
        EpochHeld: another writer holds the epoch, or none holds it yet.
    """
    if writer.epoch > call.epoch:
        raise StaleEpoch(call.epoch)
    if writer.epoch < call.epoch:
        return Standing.LATE
    if call.writer_id != writer.writer_id:
        raise EpochHeld(call.epoch)
    return Standing.LATE if call.ended else Standing.HOLDER


class LateTickets:
    """Issuer of late tickets. A ticket is a MAC over call, epoch and writer, so tickets are not stored.

    Args:
        key: secret key, the same on all replicas.
    """

    def __init__(self, key: str) -> None:
        self._key = key.encode()

    def issue(self, writer: Writer) -> str:
        """Return the ticket of a writer that holds its epoch. The same writer always gets the same ticket."""
        ids = UUID(writer.call_id).bytes + writer.epoch.to_bytes(8) + UUID(writer.writer_id).bytes
        mac = hmac.digest(self._key, _TICKET_PURPOSE + ids, "sha256")[:_TICKET_BYTES]
        return base64.urlsafe_b64encode(mac).rstrip(b"=").decode()

    def is_valid(self, writer: Writer, ticket: str) -> bool:
        """Return whether a ticket was issued to this writer, for this epoch of this call."""
        return hmac.compare_digest(ticket.encode(), self.issue(writer).encode())
