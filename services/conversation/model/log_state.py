"""The log states on which appends are planned, and the changes that result from a plan.

Changes are computed before the transaction starts, so that the transaction only writes.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from services.conversation.model.chunks import Chunk
from services.conversation.model.entries import Revision
from services.conversation.model.feeds import FeedEnd, FeedRun
from services.conversation.model.records import Call, Conversation

RECOGNISED = 16_384
"""Number of entries at the end of a log for which a retry is recognised. A writer has at most a quarter of
this number unacknowledged (`client.outbox.CAPACITY`), so it never retries an older entry."""
LOG_WEIGHT = 32
"""Memory of a log's row, its call's row and its open chunk, measured in entry ids."""


@dataclass(slots=True)
class LogState:
    """The end of one log, as it was last read or written."""

    conversation: Conversation
    head: int
    """Number of the last entry."""
    update_time: int
    """Microseconds since 1970."""
    title: str
    chunk: Chunk | None
    """The last chunk if it is still open, else None."""
    known: dict[bytes, tuple[int, int]] = field(default_factory=dict)
    """Number and fingerprint of the last entries, by id."""
    open_utterances: dict[bytes, Revision] = field(default_factory=dict)
    """The open utterances by id, the earliest first."""

    def trim(self) -> None:
        """Drop ids of entries that are too old to be retried, when there are many."""
        if len(self.known) > 2 * RECOGNISED:
            self.known = dict(list(self.known.items())[-RECOGNISED:])


@dataclass(slots=True)
class CustomerState:
    """The state of one customer's logs, all at the same version of the feed."""

    customer_id: str
    feed: FeedEnd
    last_run: FeedRun | None
    logs: dict[str, LogState] = field(default_factory=dict)
    """By conversation id."""
    calls: dict[str, Call] = field(default_factory=dict)
    """By call id."""
    former: dict[str, LogState] = field(default_factory=dict)
    """Logs at an earlier version, by conversation id. Their entries are still valid, because entries never
    change, but newer ones may be missing."""
    stale: bool = False
    """True if the feed has changed since; the state must be read again before use."""

    @property
    def size(self) -> int:
        """Memory of the state, measured in entry ids."""
        return sum(LOG_WEIGHT + len(log.known) for logs in (self.logs, self.former) for log in logs.values())

    def merge(self, earlier: CustomerState) -> None:
        """Add the logs and calls of an earlier state of the same customer, where this one lacks them."""
        if earlier.stale or earlier.feed.version != self.feed.version:
            former = earlier.former | earlier.logs
            self.former = {name: log for name, log in former.items() if name not in self.logs}
        else:
            self.logs, self.calls = earlier.logs | self.logs, earlier.calls | self.calls
            self.former = earlier.former


@dataclass(frozen=True, slots=True)
class Head:
    """New values of the columns of a conversation that an append changes."""

    key: int
    last_number: int
    update_time: int
    """Microseconds since 1970."""
    title: str


@dataclass(slots=True)
class Changes:
    """The changes of one transaction to one customer's logs. Either all are written, or none."""

    customer_id: str
    version: int
    """Version of the customer's feed when it was read. If the stored version differs, nothing is written."""
    last_position: int
    """Last position of the feed after the changes."""
    heads: list[Head] = field(default_factory=list)
    chunks: list[Chunk] = field(default_factory=list)
    """New chunks, and the new version of the chunk that was open."""
    runs: list[FeedRun] = field(default_factory=list)
    closed: list[tuple[int, bytes]] = field(default_factory=list)
    """Conversation key and entry id of each utterance that is no longer open."""
    revisions: list[Revision] = field(default_factory=list)
    """New revisions of open utterances; each replaces the stored one."""

    @property
    def empty(self) -> bool:
        """True if there is nothing to write."""
        return not (self.heads or self.chunks or self.runs or self.closed or self.revisions)
