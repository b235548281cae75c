"""How entries are put together into messages, so that catching up costs a message for hundreds and not for each."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import NamedTuple

from services.conversation.model.entry_filter import EntryFilter
from services.conversation.watch.wire_entries import DELETION, Step

BATCH_BYTES = 512 * 1024
"""Entries that go together; one that is larger goes alone. gRPC takes 4 MB."""

Entries = list[Step]
"""Entries in the order of the log, at least one."""


class Deleted(NamedTuple):
    """One of the conversations followed is gone."""

    conversation_id: str


def batches(steps: Iterable[Step], chosen: EntryFilter) -> Iterator[tuple[Step, Entries | Deleted]]:
    """What is wanted of some steps, in order, each with the last step it takes."""
    batch: Entries = []
    size = 0
    for step in steps:
        if step.kind == DELETION:
            if batch:
                yield batch[-1], batch
                batch, size = [], 0
            yield step, Deleted(step.conversation_id)
        elif not chosen or chosen.admits(step.kind, step.speaker):
            size += len(step.data)
            if batch and size > BATCH_BYTES:
                yield batch[-1], batch
                batch, size = [], len(step.data)
            batch.append(step)
    if batch:
        yield batch[-1], batch
