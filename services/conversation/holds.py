"""Which calls have a live `Record` stream in this process, and how such a stream learns that it is over.

A stream is the agent's lease on its call: it breaks at once when the agent's process dies. The break is a hint; the call's row is the
truth.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from enum import Enum

from services.conversation.fencing import Writer


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
    """The holds of this process, one a call at most."""

    def __init__(self) -> None:
        self._held: dict[str, Hold] = {}
        self._listeners: list[Callable[[], None]] = []
        self.draining = False
        """Whether streams end because this process goes, which says nothing about their agents."""

    def notify(self, listener: Callable[[], None]) -> None:
        """Names one who is told when a call has begun, comes to be held, not held any more, or ended."""
        self._listeners.append(listener)

    @contextmanager
    def take(self, writer: Writer) -> Iterator[Hold]:
        """Holds a call until the block ends."""
        hold = Hold(writer)
        earlier = self._held.get(writer.call_id)
        self._held[writer.call_id] = hold
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

    def is_held(self, call_id: str) -> bool:
        """Whether a stream holds the call."""
        return call_id in self._held

    def end(self, call_id: str, why: Over) -> None:
        """Ends the hold on a call, if there is one here. To be called after the commit that ended it."""
        hold = self._held.get(call_id)
        if hold is not None:
            hold.end(why)
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
