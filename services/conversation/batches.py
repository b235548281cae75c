"""How entries are put together into messages, so that catching up costs a message for hundreds and not for each."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from services.conversation.entry_filter import EntryFilter
from services.conversation.wire_entries import Deleted, Step, WireEntry

BATCH_BYTES = 512 * 1024
"""Entries that go together; one that is larger goes alone. gRPC takes 4 MB."""

Entries = list[WireEntry]
"""Entries in the order of the log, at least one."""


def batches(steps: Iterable[Step], chosen: EntryFilter) -> Iterator[tuple[Step, Entries | Deleted]]:
    """What is wanted of some steps, in order, each with the last step it takes."""
    batch: Entries = []
    size, last = 0, None
    for step in steps:
        what = step.what
        if isinstance(what, Deleted):
            if last is not None:
                yield last, batch
                batch, size, last = [], 0, None
            yield step, what
        elif not chosen or chosen.admits(what.kind, what.speaker):
            if last is not None and size + len(what.data) > BATCH_BYTES:
                yield last, batch
                batch, size = [], 0
            batch.append(what)
            size += len(what.data)
            last = step
    if last is not None:
        yield last, batch
