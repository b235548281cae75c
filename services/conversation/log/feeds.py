"""Positions of a customer's feed, given out inside the commit that adds the entries: the order of all of their logs together."""

from __future__ import annotations

from dataclasses import replace

from services.conversation.model.records import FeedEnd, FeedRun, RunKind


class GrowingFeed:
    """The end of a customer's feed as entries are added."""

    def __init__(self, end: FeedEnd, run: FeedRun | None) -> None:
        self._version, self.last_position, self.run = end.version, end.last_position, run
        self.runs: dict[int, FeedRun] = {}
        """Runs that are new or longer than before, by first position."""

    def add(self, conversation_id: str, first_number: int, count: int) -> int:
        """Gives consecutive entries of one conversation the next positions; the first of them."""
        position = self.last_position + 1
        last = self.run
        if last is not None and last.goes_on_with(conversation_id, first_number):
            self._put(replace(last, length=last.length + count))
        else:
            self._put(FeedRun(position, conversation_id, first_number, count, RunKind.ENTRIES))
        self.last_position += count
        return position

    def add_deletion(self, conversation_id: str) -> int:
        """Gives a conversation's deletion the next position."""
        self.last_position += 1
        self._put(FeedRun(self.last_position, conversation_id, 0, 1, RunKind.DELETED))
        return self.last_position

    @property
    def end(self) -> FeedEnd:
        """The end afterwards."""
        return FeedEnd(self._version + 1, self.last_position)

    def _put(self, run: FeedRun) -> None:
        self.run = self.runs[run.first_position] = run
