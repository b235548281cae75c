"""The writer fence: which agent may write, decided on the call's row inside the write transaction.

An agent is asked for with an epoch. The first writer to open that epoch has it; asking for another agent raises the epoch, and whoever
wrote under a lower one has lost the call, whether it knows yet or not.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

from services.conversation.errors import CallEnded, EpochHeld, StaleEpoch
from services.conversation.model.records import Call


@dataclass(frozen=True, slots=True)
class Writer:
    """Who writes: an agent's process in one call."""

    call_id: str
    epoch: int
    writer_id: str
    """UUID of the writer, the same each time it opens its stream again."""


class Opening(Enum):
    """What opening a stream means for the call."""

    JOINED = "joined"
    """The writer takes the call."""
    REOPENED = "reopened"
    """The writer has the call already; its stream had broken."""


class Standing(Enum):
    """What a writer's drafts are worth."""

    HOLDER = "holder"
    """They are the call's log."""
    LATE = "late"
    """They were spoken before the writer lost the call."""


def opening(call: Call, writer: Writer) -> Opening:
    """What it means that a writer opens its stream.

    Raises:
        CallEnded: nobody can have the call any more.
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
    """Lets a stream's drafts pass.

    Raises:
        CallEnded, StaleEpoch, EpochHeld: as for `opening`.
    """
    if opening(call, writer) is Opening.JOINED:
        raise StaleEpoch(call.epoch)  # it wrote without ever having opened


def standing(call: Call, writer: Writer) -> Standing:
    """What drafts handed in outside a stream are worth. A writer that lost the call may still say what it had spoken.

    Raises:
        StaleEpoch: the epoch was never dispatched.
        EpochHeld: the epoch is, or is to be, another writer's.
    """
    if writer.epoch > call.epoch:
        raise StaleEpoch(call.epoch)
    if writer.epoch < call.epoch:
        return Standing.LATE
    if call.writer_id != writer.writer_id:
        raise EpochHeld(call.epoch)
    return Standing.LATE if call.ended else Standing.HOLDER
