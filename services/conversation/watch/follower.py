"""Followers: each follows one log for one watcher.

A follower reads from the store until it has caught up. Then it reads from memory until it falls behind.

There is no queue per watcher. A follower only holds a position, and all watchers of a log share a bounded
cache. So a slow watcher needs no extra memory and doesn't slow down other watchers.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, Iterator, Sequence
from contextlib import nullcontext
from dataclasses import dataclass
from datetime import datetime
from enum import Enum

from mesh.clock import Clock
from services.conversation.errors import ConversationNotFound
from services.conversation.model.cursors import START, LogId, LogKind, Position
from services.conversation.model.entries import EVERYTHING, UTTERANCE, EntryFilter
from services.conversation.store import Store
from services.conversation.watch.conversation_states import ConversationState
from services.conversation.watch.heartbeats import HeartbeatWheel
from services.conversation.watch.live_captions import CaptionChange
from services.conversation.watch.log_reader import ROWS, LogReader, LogSlice, position_in, reader_of
from services.conversation.watch.topics import Listener
from services.conversation.watch.wakeups import LocalBus
from services.conversation.watch.wire_entries import BATCH_BYTES, Batch, Deleted, batches

FIRST_ROWS = 32
"""Rows in a watcher's first read. Each following read is twice as large, up to `ROWS`. So the first message
arrives early, and the speed of the link is measured before large messages are sent."""
MOST_BYTES = 2 * BATCH_BYTES
"""Bytes of a slice above which the next one has half as many rows."""
FROM_MEMORY = 512
"""Most entries that are read from memory at once."""


class Ending(Enum):
    """Reasons for which a watch ends without an error."""

    DRAINING = "draining"
    TOKEN_EXPIRED = "token expired"  # noqa: S105 -- no secret
    CONVERSATION_ENDED = "conversation ended"
    CONVERSATION_DELETED = "conversation deleted"


class Start(Enum):
    """Starting points of a watch that need no position."""

    BEGINNING = "beginning"
    NOW = "now"


@dataclass(frozen=True, slots=True)
class CaughtUp:
    """Event: the watcher has received all stored entries; new ones follow."""


@dataclass(frozen=True, slots=True)
class Heartbeat:
    """Event: nothing else was sent during the heartbeat interval; the watch is still alive."""

    time: datetime


Event = Batch | Deleted | CaptionChange | ConversationState | CaughtUp | Heartbeat | Ending


@dataclass(frozen=True, slots=True)
class WatchOptions:
    """The options of one watch."""

    heartbeat_seconds: float
    """Seconds without an event after which a heartbeat is sent."""
    include_live: bool
    """True if captions of open utterances are sent."""
    expires_at: datetime
    """Expiry of the watcher's token."""
    filter: EntryFilter = EVERYTHING
    """Filter for entries and captions."""
    include_conversation: bool = False
    """True if the state of the conversations is sent."""


class PositionLost(Exception):
    """Raised if the entry at a position is no longer in the log."""


class Followers:
    """Factory of the followers of one process, with the state that they share."""

    def __init__(self, store: Store, bus: LocalBus, clock: Clock) -> None:
        self.store, self._bus = store, bus
        self.clock, self.wheel = clock, HeartbeatWheel(clock)
        self.draining = False
        """True if every watch must end, because the process is shutting down."""

    def drain(self) -> None:
        """End every watch, including those that start later."""
        self.draining = True
        self._bus.wake_all()

    async def start_at(self, log: LogId, start: Position | datetime | Start) -> Position:
        """Return the position from which a watch starts.

        Args:
            start: a position to continue after, the commit time of the first entry to send, or a `Start`.

        Raises:
            PositionLost: the entry at the position is gone, for instance because the database was restored.
            ConversationNotFound: the conversation was deleted.
        """
        if start is Start.BEGINNING:
            return START
        reader = reader_of(self.store, log)
        if isinstance(start, Position):
            number = start.number
        else:
            number = await (reader.before(start) if isinstance(start, datetime) else reader.end())
        found = await position_in(reader, number)
        if found is None:
            raise PositionLost
        if isinstance(start, Position) and found != start:
            # In a feed, a position at an entry of a deleted conversation remains valid.
            is_gap = START.fingerprint in (found.fingerprint, start.fingerprint)
            if log.kind is not LogKind.FEED or not is_gap:
                raise PositionLost
        return found

    async def follow(
        self, log: LogId, customer_id: str, position: Position, options: WatchOptions
    ) -> AsyncGenerator[tuple[Position, Event]]:
        """Yield each event after `position`, together with the position that follows it.

        The last event is an `Ending`. The caller must close the generator.
        """
        wants_captions, wants_states = options.include_live, options.include_conversation
        with self._bus.listen(
            log, customer_id, wants_captions=wants_captions, wants_states=wants_states
        ) as listener:
            follower = Follower(self, listener, reader_of(self.store, log), position, options)
            async for event in follower.events():
                yield follower.position, event
                follower.delivered()


class Follower:
    """The progress of one watcher through a log."""

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
        """Yield each event after the position. The last one is an `Ending`."""
        event: Event | None = None
        try:
            while (ending := self._ending()) is None:
                if not self._caught_up or self._topic.head > self.position.number:
                    found = await self._next()
                    for event in self._events_of(found):
                        yield event
                    arrived = found.complete and not self._caught_up
                    del found
                    event = None  # otherwise a waiting watcher would keep its last message in memory
                    if arrived:
                        self._caught_up = True
                        yield CaughtUp()
                    elif self._heartbeat_is_due():
                        # The filter removed many entries. With the heartbeat's cursor, a resumed watch
                        # doesn't read them again.
                        yield Heartbeat(self._clock.now())
                    continue
                for state in await self._changed_conversations():
                    yield state
                for caption in self._listener.take_captions():
                    if self._options.filter.admits(UTTERANCE, caption.speech.speaker):
                        yield caption
                if self._heartbeat_is_due():
                    yield Heartbeat(self._clock.now())
                await self._wait_for_news()
            if ending is Ending.CONVERSATION_ENDED:
                for state in await self._changed_conversations():
                    yield state
        except ConversationNotFound:
            ending = Ending.CONVERSATION_DELETED
        finally:
            self._followers.wheel.disarm(self._listener, self._armed)
        yield ending

    def delivered(self) -> None:
        """Restart the heartbeat interval. Call it after the watcher has taken an event."""
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
        """Return the next slice of the log, from memory if possible, else from the store."""
        if not self._caught_up:
            return await self._read()
        found = self._cached()
        if found is not None:
            return found
        if not self._topic.is_at_end(self.position.number):
            return await self._read()
        # The new entries aren't in memory. One watcher reads them for all watchers at the end of the log.
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
        """Read the next slice from the store. In a long replay, each slice is a step of slow work."""
        with_captions = self._options.include_live and not self._caught_up
        expected, replays = self._topic.head, not self._caught_up and self._rows != FIRST_ROWS
        async with self._followers.store.turns.step(self._topic.customer_id) if replays else nullcontext():
            found = await self._reader.after(
                self.position.number, with_captions=with_captions, rows=self._rows
            )
        is_large = sum(len(entry.data) for entry in found.entries) > MOST_BYTES
        self._rows = self._rows // 2 or 1 if is_large else min(2 * self._rows, ROWS)
        self._topic.seal_read(found.entries)
        self._topic.correct(expected, found.head)
        for caption in found.captions:
            self._topic.add_caption(caption)
        if found.ended and found.complete:
            self._topic.close(ended=True)
        if self._caught_up:
            # The wake-up for these entries may be lost, and with it the news of a change of title or state.
            self._topic.mark_changed({entry.conversation_id for entry in found.entries})
        return found

    async def _changed_conversations(self) -> Sequence[ConversationState]:
        if self._options.include_conversation:
            await self._topic.refresh_states(self._followers.store)
        return self._listener.take_states()

    def _events_of(self, found: LogSlice) -> Iterator[Event]:
        """Yield the events of a slice and advance the position, also past entries that were filtered out."""
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
        # Each event postpones the heartbeat. The wheel is only armed again if the armed time has passed or is
        # too late.
        if self._armed <= now or due < self._armed:
            self._followers.wheel.disarm(self._listener, self._armed)
            self._followers.wheel.arm(self._listener, due)
            self._armed = due
        await self._listener.wait()
