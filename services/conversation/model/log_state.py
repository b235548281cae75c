"""The state of logs that appends are planned on, and the changes that a plan results in.

With both computed beforehand, a transaction only writes.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from services.conversation.model.chunks import Chunk
from services.conversation.model.entries import Revision
from services.conversation.model.feeds import FeedEnd, FeedRun
from services.conversation.model.records import Call, Conversation

RECOGNISED = 16_384
"""Number of a log's last entries whose retries are recognised. A writer holds back at most a quarter of this
without an ack (`client.outbox.CAPACITY`), so no older entry can be a retry."""
LOG_WEIGHT = 32
"""Memory of a log in addition to its entry ids, counted in entry ids: its row, its call's, its open chunk."""


@dataclass(slots=True)
class LogState:
    """The end of one log as last read or written."""

    conversation: Conversation
    head: int
    """Number of the last entry."""
    update_time: int
    """Microseconds since 1970."""
    title: str
    chunk: Chunk | None
    """The last chunk, if it is still open."""
    known: dict[bytes, tuple[int, int]] = field(default_factory=dict)
    """Number and fingerprint of the last entries, by id."""
    open_utterances: dict[bytes, Revision] = field(default_factory=dict)
    """By id, the earliest first."""

    def trim(self) -> None:
        """Drop entry ids that are too old to be retried; does nothing most of the time."""
        if len(self.known) > 2 * RECOGNISED:
            self.known = dict(list(self.known.items())[-RECOGNISED:])


@dataclass(slots=True)
class CustomerState:
    """The state of one customer's logs, all as of one version of the feed."""

    customer_id: str
    feed: FeedEnd
    last_run: FeedRun | None
    logs: dict[str, LogState] = field(default_factory=dict)
    """By conversation id."""
    calls: dict[str, Call] = field(default_factory=dict)
    """By call id."""
    former: dict[str, LogState] = field(default_factory=dict)
    """Logs as of an earlier version. They remain true but may be incomplete, because entries are only
    added."""
    stale: bool = False
    """The feed has changed since; read before use."""

    @property
    def size(self) -> int:
        """Memory of the state, counted in entry ids."""
        return sum(LOG_WEIGHT + len(log.known) for logs in (self.logs, self.former) for log in logs.values())

    def merge(self, earlier: CustomerState) -> None:
        """Add what was known before this state was read."""
        if earlier.stale or earlier.feed.version != self.feed.version:
            former = earlier.former | earlier.logs
            self.former = {name: log for name, log in former.items() if name not in self.logs}
        else:
            self.logs, self.calls = earlier.logs | self.logs, earlier.calls | self.calls
            self.former = earlier.former


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
