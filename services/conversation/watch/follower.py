"""Followers of a log: each reads the store until it has caught up, then memory until it falls behind.

Nothing is queued for a watcher. It holds a position, and what it shares with the other watchers of its log is
bounded, so that a slow watcher costs no memory and slows no other.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, Iterator
from dataclasses import dataclass
from datetime import datetime
from enum import Enum

from mesh.clock import Clock
from services.conversation.errors import ConversationNotFound
from services.conversation.model.cursors import START, LogId, LogKind, Position
from services.conversation.model.entries import EVERYTHING, UTTERANCE, EntryFilter
from services.conversation.store import Store
from services.conversation.watch.heartbeats import HeartbeatWheel
from services.conversation.watch.live_captions import Caption
from services.conversation.watch.log_reader import ROWS, LogReader, LogSlice, position_in, reader_of
from services.conversation.watch.topics import Listener
from services.conversation.watch.wakeups import LocalBus
from services.conversation.watch.wire_entries import Batch, Deleted, batches

FIRST_ROWS = 32
"""Rows of a watcher's first read; each next one is twice as large. The first message then arrives soon, and
shows how fast the link is before large messages are compressed."""
FROM_MEMORY = 512
"""Entries taken from memory in one step."""


class Ending(Enum):
    """The regular ends of a watch."""

    DRAINING = "draining"
    TOKEN_EXPIRED = "token expired"  # noqa: S105 -- no secret
    CONVERSATION_ENDED = "conversation ended"
    CONVERSATION_DELETED = "conversation deleted"


@dataclass(frozen=True, slots=True)
class CaughtUp:
    """The watcher has everything that was stored when the watch began."""


@dataclass(frozen=True, slots=True)
class Heartbeat:
    """A sign of life after a silence."""

    time: datetime


Event = Batch | Deleted | Caption | CaughtUp | Heartbeat | Ending


@dataclass(frozen=True, slots=True)
class WatchOptions:
    """The options of one watch."""

    heartbeat_seconds: float
    """The silence after which a heartbeat is sent."""
    include_live: bool
    """True to send captions of open utterances."""
    expires_at: datetime
    """Expiry of the watcher's token."""
    filter: EntryFilter = EVERYTHING
    """Filter of entries and captions."""


class PositionLost(Exception):
    """The entry at a position is no longer in the log."""


class Followers:
    """The followers of one process. They share the timer wheel and the state of draining."""

    def __init__(self, store: Store, bus: LocalBus, clock: Clock) -> None:
        self._store, self._bus = store, bus
        self.clock, self.wheel = clock, HeartbeatWheel(clock)
        self.draining = False
        """True once every watch must end, because the process stops."""

    def drain(self) -> None:
        """End every watch, including those that start later."""
        self.draining = True
        self._bus.wake_all()

    async def start_at(self, log: LogId, start: Position | datetime | None) -> Position:
        """Return the first position of a watch: after a position, at an instant, or at the beginning.

        Raises:
            PositionLost: the entry at the position is gone, for instance because the database was restored.
            ConversationNotFound: the conversation is gone.
        """
        if start is None:
            return START
        reader = reader_of(self._store, log)
        number = start.number if isinstance(start, Position) else await reader.before(start)
        found = await position_in(reader, number)
        if found is None:
            raise PositionLost
        if isinstance(start, Position) and found != start:
            # In a feed the entries of deleted conversations are gone; positions at them remain valid.
            is_gap = START.fingerprint in (found.fingerprint, start.fingerprint)
            if log.kind is not LogKind.FEED or not is_gap:
                raise PositionLost
        return found

    async def follow(
        self, log: LogId, customer_id: str, position: Position, options: WatchOptions
    ) -> AsyncGenerator[tuple[Position, Event]]:
        """Yield every event after a position, each with the position after it; the last is an `Ending`.

        Close the generator when done.
        """
        with self._bus.listen(log, customer_id, wants_captions=options.include_live) as listener:
            follower = Follower(self, listener, reader_of(self._store, log), position, options)
            async for event in follower.events():
                yield follower.position, event
                follower.delivered()


class Follower:
    """One watcher's way along a log."""

    def __init__(
        self,
        followers: Followers,
        listener: Listener,
        reader: LogReader,
        position: Position,
        options: WatchOptions,
    ) -> None:
        self._followers, self._clock = followers, followers.clock
        self._options, self._reader = options, reader
        self._listener, self._topic = listener, listener.topic
        self.position = position
        """The position after the last event."""
        self._caught_up, self._rows = False, FIRST_ROWS
        self._quiet_since = self._armed = self._clock.monotonic()
        self._expiry = self._quiet_since + (options.expires_at - self._clock.now()).total_seconds()

    async def events(self) -> AsyncGenerator[Event]:
        """Yield every event after the position; the last is an `Ending`."""
        event: Event | None = None
        try:
            while (ending := self._ending()) is None:
                if not self._caught_up or self._topic.head > self.position.number:
                    found = await self._next()
                    for event in self._events_of(found):
                        yield event
                    arrived = found.complete and not self._caught_up
                    del found
                    event = None  # a waiting watcher must not keep its last message in memory
                    if arrived:
                        self._caught_up = True
                        yield CaughtUp()
                    elif self._heartbeat_is_due():
                        # Much was read and filtered out: the heartbeat's cursor lets the watcher resume here.
                        yield Heartbeat(self._clock.now())
                    continue
                for caption in self._listener.take_captions():
                    if self._options.filter.admits(UTTERANCE, caption.speech.speaker):
                        yield caption
                if self._heartbeat_is_due():
                    yield Heartbeat(self._clock.now())
                await self._wait_for_news()
        except ConversationNotFound:
            ending = Ending.CONVERSATION_DELETED
        finally:
            self._followers.wheel.disarm(self._listener, self._armed)
        yield ending

    def delivered(self) -> None:
        """Restart the heartbeat interval, after the watcher has taken an event."""
        self._quiet_since = self._clock.monotonic()

    def _ending(self) -> Ending | None:
        if self._followers.draining:
            return Ending.DRAINING
        if self._topic.deleted:
            return Ending.CONVERSATION_DELETED
        if self._caught_up and self._topic.ended and self._topic.head <= self.position.number:
            return Ending.CONVERSATION_ENDED
        return Ending.TOKEN_EXPIRED if self._clock.monotonic() >= self._expiry else None

    async def _next(self) -> LogSlice:
        """Return the next slice: from memory for a watcher that has caught up, else from the store."""
        if not self._caught_up:
            return await self._read()
        found = self._cached()
        if found is not None:
            return found
        if not self._topic.is_at_end(self.position.number):
            return await self._read()
        # The news isn't in memory: one watcher reads it for all that stand at the end.
        async with self._topic.read_lock:
            found = self._cached()
            if found is None:
                found = await self._read()
                if found.complete:
                    self._topic.add_read(found.entries, head=found.head)
            return found

    def _cached(self) -> LogSlice | None:
        position, head = self.position.number, self._topic.head
        entries = self._topic.after(position, FROM_MEMORY)
        if entries is None:
            return None
        return LogSlice(entries, entries[-1].position if entries else position, head)

    async def _read(self) -> LogSlice:
        with_captions = self._options.include_live and not self._caught_up
        expected = self._topic.head
        found = await self._reader.after(self.position.number, with_captions=with_captions, rows=self._rows)
        self._rows = min(2 * self._rows, ROWS)
        self._topic.seal_read(found.entries)
        self._topic.correct(expected, found.head)
        for caption in found.captions:
            self._topic.add_caption(caption)
        if found.ended and found.complete:
            self._topic.close(ended=True)
        return found

    def _events_of(self, found: LogSlice) -> Iterator[Event]:
        """Yield the events of a slice; move the position along, also past entries that were filtered out."""
        for last, event in batches(found.entries, self._options.filter):
            self.position = Position.at(last.position, last.id)
            yield event
        if found.through > self.position.number:
            last_read = found.entries[-1] if found.entries else None
            is_there = last_read is not None and last_read.position == found.through
            self.position = Position.at(found.through, last_read.id if last_read and is_there else None)

    def _heartbeat_is_due(self) -> bool:
        return self._clock.monotonic() - self._quiet_since >= self._options.heartbeat_seconds

    async def _wait_for_news(self) -> None:
        now = self._clock.monotonic()
        due = min(self._quiet_since + self._options.heartbeat_seconds, self._expiry)
        # Every event postpones the heartbeat; arm the wheel again only if its slot has passed or would be too
        # late.
        if self._armed <= now or due < self._armed:
            self._followers.wheel.disarm(self._listener, self._armed)
            self._followers.wheel.arm(self._listener, due)
            self._armed = due
        await self._listener.wait()
