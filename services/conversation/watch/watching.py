"""Following logs: where a watch begins, and what all watchers of a process share."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from datetime import datetime

from mesh.clock import Clock
from services.conversation.model.cursors import START, LogId, LogKind, Position
from services.conversation.store import Store
from services.conversation.watch.heartbeats import HeartbeatWheel
from services.conversation.watch.log_reader import position_in, reader_of
from services.conversation.watch.wakeups import LocalWakeUps
from services.conversation.watch.walk import Event, Surroundings, Walk, WatchOptions


class PositionLost(Exception):
    """What a position stood on is no longer in the log."""


class Watching:
    """What the watchers of one process share."""

    def __init__(self, store: Store, bus: LocalWakeUps, clock: Clock) -> None:
        self._store, self._bus = store, bus
        self._around = Surroundings(clock, HeartbeatWheel(clock))

    def drain(self) -> None:
        """Ends every watch, also those still to come."""
        self._around.draining = True
        self._bus.wake_all()

    async def heartbeats(self) -> None:
        """Wakes watchers for their heartbeats and endings, for ever."""
        await self._around.wheel.run()

    async def start_at(self, log: LogId, start: Position | datetime | None) -> Position:
        """Where a watch begins: after a position, at an instant, or at the beginning.

        Raises:
            PositionLost: the position is not of this log as it is now: the database was restored since, or what was there is gone.
            ConversationNotFound: the conversation is gone.
        """
        if start is None:
            return START
        reader = reader_of(self._store, log)
        number = start.number if isinstance(start, Position) else await reader.before(start)
        found = await position_in(reader, number)
        if found is None:
            raise PositionLost
        # In a feed, the entries of deleted conversations are gone, and who stands on one of them stands there by right.
        is_hole = log.kind is LogKind.FEED and START.fingerprint in {
            found.fingerprint,
            getattr(start, "fingerprint", None),
        }
        if isinstance(start, Position) and found != start and not is_hole:
            raise PositionLost
        return found

    async def watch(
        self, log: LogId, customer_id: str, position: Position, options: WatchOptions
    ) -> AsyncGenerator[tuple[Position, Event]]:
        """Every event after a position, each with the position after it; the last is an `Ending`. Close it when done."""
        with self._bus.listen(log, customer_id, wants_live=options.include_live) as listener:
            walk = Walk(self._around, listener, reader_of(self._store, log), position, options)
            async for event in walk.events():
                yield walk.position, event
                walk.handed_over()
