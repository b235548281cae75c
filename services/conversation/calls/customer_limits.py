"""Limits of each customer, so that no customer takes the agents or the time of all others.

Running calls are counted in the database. Everything else is counted in this process, so a customer can reach
these limits once on each replica.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta

from mesh.clock import Clock
from mesh.errors import RETRY_AFTER, Overloaded
from services.conversation.errors import TooManyStarts
from services.conversation.model.records import Call

MINUTE = 60.0
"""Seconds in which a customer may start `per_minute`."""
_ROUNDING = 1e-6


@dataclass(frozen=True, slots=True)
class CustomerLimits:
    """Limits of one customer."""

    running_calls: int = 1
    starts_per_minute: int = 10
    """Conversations, and calls."""
    watches: int = 64
    slow_requests: int = 2
    """Searches, exports and deletions that run at the same time."""


class StartRate:
    """Rate of the starts of each customer. Up to a minute's starts may come at once."""

    def __init__(self, per_minute: int, clock: Clock) -> None:
        self._pause, self._clock = MINUTE / per_minute, clock
        self._free_at: dict[str, float] = {}
        """Time in monotonic seconds at which a customer's allowance is whole again."""
        self._purge_at = 0.0

    def count(self, customer_id: str) -> None:
        """Count a start.

        Raises:
            TooManyStarts: the customer must wait; the start is not counted.
        """
        now = self._clock.monotonic()
        if now >= self._purge_at:
            self._free_at = {known: free_at for known, free_at in self._free_at.items() if free_at > now}
            self._purge_at = now + MINUTE
        free_at = max(now, self._free_at.get(customer_id, now)) + self._pause
        if (wait := free_at - now - MINUTE) > _ROUNDING:
            raise TooManyStarts(timedelta(seconds=wait))
        self._free_at[customer_id] = free_at


class CustomerSlots:
    """Limit of what a customer does at the same time. `what` names it, in the plural."""

    def __init__(self, most: int, what: str) -> None:
        self._most, self._what = most, what
        self._held: Counter[str] = Counter()

    @contextmanager
    def hold(self, customer_id: str) -> Iterator[None]:
        """Hold a slot until the block ends.

        Raises:
            Overloaded: the customer holds all slots.
        """
        if self._held[customer_id] >= self._most:
            raise Overloaded(
                f"You have too many {self._what} at once; wait for one to end.",
                metadata={"scope": "caller"},
                retry_after=RETRY_AFTER,
            )
        self._held[customer_id] += 1
        try:
            yield
        finally:
            self._held[customer_id] -= 1
            if not self._held[customer_id]:
                del self._held[customer_id]


def calls_in_the_way(running: Sequence[Call], conversation_key: int, limit: int) -> Sequence[Call]:
    """Return the calls that must end before a call in this conversation can start.

    Args:
        running: the customer's running calls, the oldest first.
        limit: most running calls of a customer. A conversation has at most one.
    """
    here = [call for call in running if call.conversation_key == conversation_key]
    elsewhere = [call for call in running if call.conversation_key != conversation_key]
    return [*here, *elsewhere[: max(0, len(elsewhere) + 1 - limit)]]
