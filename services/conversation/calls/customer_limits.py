"""Limits of each customer, so that no customer takes the agents or the time of all others.

Running calls are counted in the database. Everything else is counted in this process, so a customer can reach
these limits once on each replica.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta

from mesh.clock import Clock
from mesh.security.token_buckets import TokenBuckets
from services.conversation.errors import TooManyStarts
from services.conversation.model.records import Call


@dataclass(frozen=True, slots=True)
class CustomerLimits:
    """Limits of one customer."""

    running_calls: int = 1
    starts_per_minute: int = 10
    """Conversations, and calls."""
    watches: int = 64
    slow_requests: int = 32
    """Searches, exports, deletions and lists of entries that run or wait for their turn."""


class StartRate:
    """Rate of the starts of each customer. Up to a minute's starts may come at once."""

    def __init__(self, per_minute: int, clock: Clock) -> None:
        self._buckets = TokenBuckets(capacity=per_minute, per_hour=60 * per_minute, clock=clock)

    def check(self, customer_id: str) -> None:
        """Check that the customer may start something now. It costs nothing, so do it before all else.

        Raises:
            TooManyStarts: the customer must wait.
        """
        _require(self._buckets.wait(customer_id))

    def count(self, customer_id: str) -> None:
        """Count a start.

        Raises:
            TooManyStarts: the customer must wait; the start is not counted.
        """
        _require(self._buckets.take(customer_id))


def _require(wait: timedelta | None) -> None:
    if wait is not None:
        raise TooManyStarts(wait)


def calls_in_the_way(running: Sequence[Call], conversation_key: int, limit: int) -> Sequence[Call]:
    """Return the calls that must end before a call in this conversation can start.

    Args:
        running: the customer's running calls, the oldest first.
        limit: most running calls of a customer. A conversation has at most one.
    """
    here = [call for call in running if call.conversation_key == conversation_key]
    elsewhere = [call for call in running if call.conversation_key != conversation_key]
    return [*here, *elsewhere[: max(0, len(elsewhere) + 1 - limit)]]
