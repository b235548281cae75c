"""Holds: the live `Record` streams of this replica, by call.

An agent holds its call as long as its stream is open. The stream breaks when the agent's process dies. If a
hold and the call's row differ, the row decides; `replica_leases` makes them agree again.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from enum import Enum

from services.conversation.log.writer_fence import Writer

EXPECTED_SECONDS = 5.0
"""Longest time between a stream's request for its call and its hold on the call."""


class HoldEnd(Enum):
    """Reason for the end of a hold."""

    CALL_ENDED = "call ended"
    AGENT_REPLACED = "agent replaced"
    """Another agent was dispatched."""
    REOPENED = "reopened"
    """The same writer opened another stream, because this one is broken."""
    DRAINING = "draining"


class Hold:
    """One stream's hold on its call."""

    def __init__(self, writer: Writer) -> None:
        self.writer = writer
        self._ended: asyncio.Future[HoldEnd] = asyncio.get_running_loop().create_future()

    def end(self, why: HoldEnd) -> None:
        """End the hold. Only the first reason counts."""
        if not self._ended.done():
            self._ended.set_result(why)

    @property
    def end_reason(self) -> HoldEnd | None:
        """Reason for the end of the hold; None while the call is held."""
        return self._ended.result() if self._ended.done() else None

    def on_end(self, listener: Callable[[], None]) -> None:
        """Register a callback for the end of the hold."""
        self._ended.add_done_callback(lambda _: listener())

    async def ended(self) -> HoldEnd:
        """Wait for the end of the hold; return the reason."""
        return await asyncio.shield(self._ended)


class Holds:
    """All holds of this replica, at most one per call.

    Args:
        hint_replicas: sends other replicas the id of a call that ended or was taken from its agent. Hints may
            be lost.
    """

    def __init__(self, hint_replicas: Callable[[str], None] = lambda _call_id: None) -> None:
        self._hint_replicas = hint_replicas
        self._held: dict[str, Hold] = {}
        self._expected: dict[str, list[float]] = {}
        self._listeners: list[Callable[[], None]] = []
        self.draining = False
        """True while this replica shuts down. Its streams end, but their agents are not treated as lost."""

    def on_change(self, listener: Callable[[], None]) -> None:
        """Register a callback. It is called when a call starts or ends, and when a hold changes."""
        self._listeners.append(listener)

    @contextmanager
    def expecting(self, call_id: str) -> Iterator[None]:
        """Expect a stream to take a call. The call's row may already name this replica.

        The stream is expected until it takes the call or the block raises. If the block raises, the listeners
        are notified, because the row may name this replica nevertheless.
        """
        asked = asyncio.get_running_loop().time()
        self._expected.setdefault(call_id, []).append(asked)
        try:
            yield
        except BaseException:
            others = self._expected.get(call_id, [])
            if asked in others:  # otherwise a stream has taken the call
                others.remove(asked)
            self._expect_only(call_id, others)
            self.changed()
            raise

    @contextmanager
    def take(self, writer: Writer) -> Iterator[Hold]:
        """Hold a call until the block ends."""
        hold = Hold(writer)
        earlier = self._held.get(writer.call_id)
        self._held[writer.call_id] = hold
        self._expected.pop(writer.call_id, None)
        if earlier is not None:
            earlier.end(HoldEnd.REOPENED if earlier.writer == writer else HoldEnd.AGENT_REPLACED)
        if self.draining:
            hold.end(HoldEnd.DRAINING)
        self.changed()
        try:
            yield hold
        finally:
            if self._held.get(writer.call_id) is hold:
                del self._held[writer.call_id]
            self.changed()

    def held(self) -> Mapping[str, Hold]:
        """Return the holds by call id."""
        return self._held

    def is_held(self, call_id: str) -> bool:
        """Return whether a stream holds the call."""
        return call_id in self._held

    def is_expected(self, call_id: str) -> bool:
        """Return whether a stream holds the call, or is expected to within `EXPECTED_SECONDS`."""
        since = asyncio.get_running_loop().time() - EXPECTED_SECONDS
        self._expect_only(call_id, [asked for asked in self._expected.get(call_id, ()) if asked >= since])
        return call_id in self._held or call_id in self._expected

    def _expect_only(self, call_id: str, asked: list[float]) -> None:
        if asked:
            self._expected[call_id] = asked
        else:
            self._expected.pop(call_id, None)

    def end(self, call_id: str, why: HoldEnd) -> None:
        """End the hold on a call. If it is not held here, send a hint to the other replicas.

        Call it after the commit.
        """
        hold = self._held.get(call_id)
        if hold is not None:
            hold.end(why)
        else:
            self._hint_replicas(call_id)
        self.changed()

    def drain(self) -> None:
        """End all holds of this replica; later holds end as soon as they begin."""
        self.draining = True
        for hold in list(self._held.values()):
            hold.end(HoldEnd.DRAINING)

    def changed(self) -> None:
        """Notify the listeners that a call or a hold has changed. Call it after the commit."""
        for listener in self._listeners:
            listener()
