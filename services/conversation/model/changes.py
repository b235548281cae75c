"""The changes of one transaction to one customer's logs, computed before, so that writing needs no reads."""

from __future__ import annotations

from dataclasses import dataclass, field

from services.conversation.model.chunks import Chunk
from services.conversation.model.entries import Revision
from services.conversation.model.feeds import FeedRun


@dataclass(frozen=True, slots=True)
class Head:
    """The columns of a conversation that an append changes."""

    key: int
    last_number: int
    update_time: int
    """Microseconds since 1970."""
    title: str


@dataclass(slots=True)
class Changes:
    """All changes of one transaction to one customer's logs: all are written, or none."""

    customer_id: str
    version: int
    """Version of the customer's feed as it was read. If the stored version differs, nothing is written."""
    last_position: int
    """Of the feed afterwards."""
    heads: list[Head] = field(default_factory=list)
    chunks: list[Chunk] = field(default_factory=list)
    """New chunks, and the open one in place of its earlier version."""
    runs: list[FeedRun] = field(default_factory=list)
    closed: list[tuple[int, bytes]] = field(default_factory=list)
    """Conversation key and id of utterances that are no longer open."""
    revisions: list[Revision] = field(default_factory=list)
    """Open utterances in place of their earlier revisions."""

    @property
    def empty(self) -> bool:
        """True if there is nothing to write."""
        return not (self.heads or self.chunks or self.runs or self.closed or self.revisions)
