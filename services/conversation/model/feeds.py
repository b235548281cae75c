"""A customer's feed: the order of the entries of all their conversations, stored as runs.

The commit that adds entries also assigns their positions in the feed.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import IntEnum


class RunKind(IntEnum):
    """Kinds of runs."""

    ENTRIES = 1
    """Consecutive entries of one conversation."""
    DELETED = 2
    """The deletion of a conversation."""


@dataclass(frozen=True, slots=True)
class FeedRun:
    """Consecutive positions of a feed, with entries of one conversation or with its deletion."""

    first_position: int
    conversation_id: str
    first_number: int
    """Number of the entry at the first position; 0 for a deletion."""
    length: int
    kind: RunKind

    @property
    def last_position(self) -> int:
        """Position of the run's last entry."""
        return self.first_position + self.length - 1


@dataclass(frozen=True, slots=True)
class FeedEnd:
    """The end of a customer's feed."""

    version: int
    """Incremented by each change to one of the customer's logs, or to the rights to write them."""
    last_position: int
    """Position of the last entry or deletion; 0 for an empty feed."""


class FeedBuilder:
    """Builder that adds entries and deletions to the end of a feed."""

    def __init__(self, end: FeedEnd, last_run: FeedRun | None) -> None:
        self._version, self.last_position, self.last_run = end.version, end.last_position, last_run
        self._changed: dict[int, FeedRun] = {}

    @property
    def end(self) -> FeedEnd:
        """The end of the feed after the changes."""
        return FeedEnd(self._version + 1, self.last_position)

    def changed(self) -> list[FeedRun]:
        """Return the runs that were added or extended."""
        return list(self._changed.values())

    def add(self, conversation_id: str, first_number: int, count: int) -> int:
        """Add `count` consecutive entries of one conversation; return the position of the first one."""
        position = self.last_position + 1
        last = self.last_run
        if (
            last is not None
            and last.kind is RunKind.ENTRIES
            and last.conversation_id == conversation_id
            and last.first_number + last.length == first_number
        ):
            self._put(replace(last, length=last.length + count))
        else:
            self._put(FeedRun(position, conversation_id, first_number, count, RunKind.ENTRIES))
        self.last_position += count
        return position

    def add_deletion(self, conversation_id: str) -> int:
        """Add the deletion of a conversation; return the deletion's position."""
        self.last_position += 1
        self._put(FeedRun(self.last_position, conversation_id, 0, 1, RunKind.DELETED))
        return self.last_position

    def _put(self, run: FeedRun) -> None:
        self.last_run = self._changed[run.first_position] = run
