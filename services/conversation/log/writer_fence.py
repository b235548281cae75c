"""The writer fence: which writer may write to a call's log, and which one only late.

An agent is dispatched with an epoch. The first writer that opens the epoch holds the call. The dispatch of
another agent raises the epoch, and every writer with a lower one has lost the call, even if it doesn't know
yet. This is decided on the call's row, inside the write transaction.

A writer that holds a call also gets a late ticket. When it dies, the process that finds its outbox has no
right to act for the customer, because the grant ends with the call. The ticket allows less than the grant, so
it may be on a disk: together with the agent's own token it allows to append what this writer said in this
epoch.
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
    """An agent's process in one call."""

    call_id: str
    epoch: int
    writer_id: str
    """UUID of the writer, the same each time it opens its stream again."""


class Opening(Enum):
    """Result of opening a stream."""

    JOINED = "joined"
    """The writer takes the call."""
    REOPENED = "reopened"
    """The writer holds the call already; its stream had broken."""


class Standing(Enum):
    """Standing of a writer that appends without a stream."""

    HOLDER = "holder"
    """It holds the call."""
    LATE = "late"
    """It has lost the call, and appends what it had spoken before."""


def opening(call: Call, writer: Writer) -> Opening:
    """Decide whether a writer may open its stream.

    Raises:
        CallEnded: the call has ended.
        StaleEpoch: the writer's epoch isn't the one last dispatched.
        EpochHeld: another writer opened the epoch first.
    """
    if call.ended:
        raise CallEnded
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
        CallEnded, StaleEpoch, EpochHeld: as for `opening`.
    """
    if opening(call, writer) is Opening.JOINED:
        raise StaleEpoch(call.epoch)  # it has never opened the call


def standing(call: Call, writer: Writer) -> Standing:
    """Decide whether drafts outside a stream are accepted, and whether they are late.

    Raises:
        StaleEpoch: the epoch was never dispatched.
        EpochHeld: another writer holds the epoch, or will.
    """
    if writer.epoch > call.epoch:
        raise StaleEpoch(call.epoch)
    if writer.epoch < call.epoch:
        return Standing.LATE
    if call.writer_id != writer.writer_id:
        raise EpochHeld(call.epoch)
    return Standing.LATE if call.ended else Standing.HOLDER


class LateTickets:
    """Issuer of late tickets. A ticket is a MAC over call, epoch and writer, so none is stored.

    Args:
        key: secret of the installation.
    """

    def __init__(self, key: str) -> None:
        self._key = key.encode()

    def issue(self, writer: Writer) -> str:
        """Return the ticket of a writer that holds its epoch; always the same."""
        ids = UUID(writer.call_id).bytes + writer.epoch.to_bytes(8) + UUID(writer.writer_id).bytes
        mac = hmac.digest(self._key, _TICKET_PURPOSE + ids, "sha256")[:_TICKET_BYTES]
        return base64.urlsafe_b64encode(mac).rstrip(b"=").decode()

    def is_valid(self, writer: Writer, ticket: str) -> bool:
        """Return whether a ticket was issued to this writer, for this epoch of this call."""
        return hmac.compare_digest(ticket.encode(), self.issue(writer).encode())
