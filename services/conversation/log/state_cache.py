"""The cache of log states. With a cached state, an append needs no read of the database.

A cached state is out of date if another replica, or a commit outside group commit, has changed the logs. The
write detects this, because the version of the customer's feed has changed. The state is then marked stale and
read again. Versions can't be compared between two database servers, so a lost connection empties the cache
(`Reconnected`).
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterable

from services.conversation.model.log_state import CustomerState

MAX_CACHED = 400_000
"""Capacity, in entry ids of all logs together. It is about 60 MB."""


class StateCache:
    """The states of the customers whose logs were written most recently, at most `capacity` entry ids."""

    def __init__(self, capacity: int = MAX_CACHED) -> None:
        self._capacity = capacity
        self._customers: OrderedDict[str, CustomerState] = OrderedDict()
        self._customer_of: dict[str, str] = {}
        self._sizes: dict[str, int] = {}
        self._total = 0

    def of_call(self, call_id: str) -> CustomerState | None:
        """Return the state of the customer who owns a call, stale or not."""
        return self._customers.get(self._customer_of.get(call_id, ""))

    def fresh(self, call_id: str) -> CustomerState | None:
        """Return the state of the customer who owns a call, unless it is stale or lacks the call."""
        state = self.of_call(call_id)
        return None if state is None or state.stale or call_id not in state.calls else state

    def merge(self, state: CustomerState) -> None:
        """Store a state that was just read, and add the cached data that it lacks."""
        earlier = self._customers.get(state.customer_id)
        if earlier is not None:
            state.merge(earlier)
            self._drop_calls(call_id for call_id in earlier.calls if call_id not in state.calls)
        self.put(state)

    def put(self, state: CustomerState) -> None:
        """Store a state; then evict the least recently used states until the cache fits its capacity."""
        customer_id = state.customer_id
        for call_id in state.calls:
            self._customer_of[call_id] = customer_id
        self._customers[customer_id] = state
        self._customers.move_to_end(customer_id)
        self._total += state.size - self._sizes.get(customer_id, 0)
        self._sizes[customer_id] = state.size
        while self._total > self._capacity and len(self._customers) > 1:
            self._evict()

    def mark_stale(self, customer_id: str) -> None:
        """Mark a customer's state as stale, so that it is read again before its next use."""
        state = self._customers.get(customer_id)
        if state is not None:
            state.stale = True

    def _evict(self) -> None:
        customer_id, state = self._customers.popitem(last=False)
        self._drop_calls(state.calls)
        self._total -= self._sizes.pop(customer_id)

    def _drop_calls(self, call_ids: Iterable[str]) -> None:
        for call_id in call_ids:
            self._customer_of.pop(call_id, None)
