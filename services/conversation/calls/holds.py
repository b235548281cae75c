"""Which calls have a live `Record` stream in this process, and how such a stream learns that it is over.

A stream is the agent's lease on its call: it breaks at once when the agent's process dies. The break is a hint; the call's row is the
truth, and `leases` keeps the two the same.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from enum import Enum

from services.conversation.log.fencing import Writer

EXPECTED_SECONDS = 5.0
"""How long a stream may take from asking for its call to taking it."""


class Over(Enum):
    """Why a hold is over."""

    CALL_ENDED = "call ended"
    AGENT_REPLACED = "agent replaced"
    """Another agent was asked for."""
    REOPENED = "reopened"
    """The same writer opened another stream; this one is half-open at best."""
    DRAINING = "draining"


class Hold:
    """One stream's hold on its call."""

    def __init__(self, writer: Writer) -> None:
        self.writer = writer
        self._over: asyncio.Future[Over] = asyncio.get_running_loop().create_future()

    def end(self, why: Over) -> None:
        """Says that the hold is over; only the first reason counts."""
        if not self._over.done():
            self._over.set_result(why)

    @property
    def why_over(self) -> Over | None:
        """Why the hold is over; None while it is not."""
        return self._over.result() if self._over.done() else None

    def notify(self, listener: Callable[[], None]) -> None:
        """Names one who is told when the hold is over."""
        self._over.add_done_callback(lambda _: listener())

    async def over(self) -> Over:
        """Waits until the hold is over."""
        return await asyncio.shield(self._over)


class Holds:
    """The holds of this process, one a call at most.

    Args:
        tell_replicas: passes on the id of a call that ended or changed hands and isn't held here; may get lost.
    """

    def __init__(self, tell_replicas: Callable[[str], None] = lambda _call_id: None) -> None:
        self._tell_replicas = tell_replicas
        self._held: dict[str, Hold] = {}
        self._expected: dict[str, list[float]] = {}
        self._listeners: list[Callable[[], None]] = []
        self.draining = False
        """Whether streams end because this process goes, which says nothing about their agents."""

    def notify(self, listener: Callable[[], None]) -> None:
        """Names one who is told when a call has begun, comes to be held, not held any more, or ended."""
        self._listeners.append(listener)

    @contextmanager
    def expecting(self, call_id: str) -> Iterator[None]:
        """Says that a stream is about to take a call: its row may name this replica before the stream does.

        Until the stream takes it; not any more when the block raises, though the row may name this replica even then.
        """
        asked = asyncio.get_running_loop().time()
        self._expected.setdefault(call_id, []).append(asked)
        try:
            yield
        except BaseException:
            others = self._expected.get(call_id, [])
            if asked in others:  # else one has come meanwhile
                others.remove(asked)
            self._expect_only(call_id, others)
            self.changed()
            raise

    @contextmanager
    def take(self, writer: Writer) -> Iterator[Hold]:
        """Holds a call until the block ends."""
        hold = Hold(writer)
        earlier = self._held.get(writer.call_id)
        self._held[writer.call_id] = hold
        self._expected.pop(writer.call_id, None)
        if earlier is not None:
            earlier.end(Over.REOPENED if earlier.writer == writer else Over.AGENT_REPLACED)
        if self.draining:
            hold.end(Over.DRAINING)
        self.changed()
        try:
            yield hold
        finally:
            if self._held.get(writer.call_id) is hold:
                del self._held[writer.call_id]
            self.changed()

    def held(self) -> Mapping[str, Hold]:
        """The holds there are, by call id."""
        return self._held

    def is_held(self, call_id: str) -> bool:
        """Whether a stream holds the call."""
        return call_id in self._held

    def is_expected(self, call_id: str) -> bool:
        """Whether a stream holds the call or is about to. One that was cut off in between is given up after a while."""
        since = asyncio.get_running_loop().time() - EXPECTED_SECONDS
        self._expect_only(call_id, [asked for asked in self._expected.get(call_id, ()) if asked >= since])
        return call_id in self._held or call_id in self._expected

    def _expect_only(self, call_id: str, asked: list[float]) -> None:
        if asked:
            self._expected[call_id] = asked
        else:
            self._expected.pop(call_id, None)

    def end(self, call_id: str, why: Over) -> None:
        """Ends the hold on a call, here or, by a hint, on whichever replica has it. To be called after the commit that ended it."""
        hold = self._held.get(call_id)
        if hold is not None:
            hold.end(why)
        else:
            self._tell_replicas(call_id)
        self.changed()

    def drain(self) -> None:
        """Ends every hold, also those still to come."""
        self.draining = True
        for hold in list(self._held.values()):
            hold.end(Over.DRAINING)

    def changed(self) -> None:
        """Tells the listeners that something is different. To be called after the commit that made it so."""
        for listener in self._listeners:
            listener()
