"""One watcher's walk along a log: out of the store until it has caught up, then out of memory, back to the store when it falls behind.

Nothing is queued for a watcher: it holds a position, and what it shares with the others that watch the same log is bounded. A slow one
costs no memory and slows nobody.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, Iterator
from dataclasses import dataclass
from datetime import datetime
from enum import Enum

from mesh.clock import Clock
from services.conversation.errors import ConversationNotFound
from services.conversation.model.cursors import Position
from services.conversation.model.entry_filter import EVERYTHING, UTTERANCE, EntryFilter
from services.conversation.watch.batches import Deleted, Entries, batches
from services.conversation.watch.heartbeats import HeartbeatWheel
from services.conversation.watch.live_captions import Spoken
from services.conversation.watch.log_reader import ROWS, LogReader, Piece
from services.conversation.watch.topics import Listener

FIRST_ROWS = 32
"""Rows that a watcher's first piece is read of, each next one of twice as many: the first message comes soon, and tells how fast the link
is before the compressing of large ones costs anything."""
FROM_MEMORY = 512
"""Entries taken out of memory at once."""


class Ending(Enum):
    """Why a watch ends in good order."""

    DRAINING = "draining"
    TOKEN_EXPIRED = "token expired"  # noqa: S105 -- no secret
    CONVERSATION_ENDED = "conversation ended"
    CONVERSATION_DELETED = "conversation deleted"


@dataclass(frozen=True, slots=True)
class CaughtUp:
    """Everything stored when the watch began was read."""


@dataclass(frozen=True, slots=True)
class Heartbeat:
    """Nothing new."""

    time: datetime


Event = Entries | Deleted | Spoken | CaughtUp | Heartbeat | Ending


@dataclass(frozen=True, slots=True)
class WatchOptions:
    """How one watcher wants it."""

    heartbeat_seconds: float
    """How long a silence may last."""
    include_live: bool
    """Whether text of open utterances is wanted."""
    expires_at: datetime
    """When the watcher's token stops being good."""
    filter: EntryFilter = EVERYTHING
    """Which entries and live text are wanted."""


@dataclass(slots=True)
class Surroundings:
    """What all watchers of a process share."""

    clock: Clock
    wheel: HeartbeatWheel
    draining: bool = False
    """Whether every watch is to end."""


class Walk:
    """A watcher on its way."""

    __slots__ = (
        "_armed",
        "_around",
        "_caught_up",
        "_expiry",
        "_listener",
        "_options",
        "_quiet_since",
        "_reader",
        "_rows",
        "_topic",
        "position",
    )

    def __init__(
        self,
        around: Surroundings,
        listener: Listener,
        reader: LogReader,
        position: Position,
        options: WatchOptions,
    ) -> None:
        self._around, self._options, self._reader = around, options, reader
        self._listener, self._topic = listener, listener.topic
        self.position = position
        """Where the watcher stands after the event it was handed last."""
        self._caught_up, self._rows = False, FIRST_ROWS
        self._quiet_since = self._armed = around.clock.monotonic()
        self._expiry = self._quiet_since + (options.expires_at - around.clock.now()).total_seconds()

    async def events(self) -> AsyncGenerator[Event]:
        """Every event after the position; the last is an `Ending`."""
        event: Event | None = None
        try:
            while (ending := self._ending()) is None:
                if not self._caught_up or self._topic.head > self.position.number:
                    piece = await self._next()
                    for event in self._told(piece):
                        yield event
                    arrived = piece.complete and not self._caught_up
                    del piece
                    event = None  # who waits for news must not hold what it was sent last
                    if arrived:
                        self._caught_up = True
                        yield CaughtUp()
                    elif (
                        self._is_due()
                    ):  # much was read of which nothing is wanted: who goes away now comes back to here
                        yield self._heartbeat()
                    continue
                for spoken in self._listener.take_live():
                    if self._options.filter.admits(UTTERANCE, spoken.speech.speaker):
                        yield spoken
                if self._is_due():
                    yield self._heartbeat()
                await self._news()
        except ConversationNotFound:
            ending = Ending.CONVERSATION_DELETED
        finally:
            self._around.wheel.disarm(self._listener, self._armed)
        yield ending

    def handed_over(self) -> None:
        """To be called once the watcher has the event it was handed last."""
        self._quiet_since = self._around.clock.monotonic()

    def _ending(self) -> Ending | None:
        if self._around.draining:
            return Ending.DRAINING
        if self._topic.deleted:
            return Ending.CONVERSATION_DELETED
        if self._caught_up and self._topic.ended and self._topic.head <= self.position.number:
            return Ending.CONVERSATION_ENDED
        return Ending.TOKEN_EXPIRED if self._around.clock.monotonic() >= self._expiry else None

    async def _next(self) -> Piece:
        """What comes next: out of memory for who has caught up, else out of the store."""
        if not self._caught_up:
            return await self._read()
        piece = self._remembered()
        if piece is not None:
            return piece
        if not self._topic.is_at_end(self.position.number):
            return await self._read()
        # News that memory does not hold: one watcher reads it for all who stand here.
        async with self._topic.turn:
            piece = self._remembered()
            if piece is None:
                piece = await self._read()
                if piece.complete:
                    self._topic.take(piece.steps, head=piece.head)
            return piece

    def _remembered(self) -> Piece | None:
        position, head = self.position.number, self._topic.head
        steps = self._topic.after(position, FROM_MEMORY)
        return None if steps is None else Piece(steps, steps[-1].position if steps else position, head)

    async def _read(self) -> Piece:
        wants_open = self._options.include_live and not self._caught_up
        expected = self._topic.head
        piece = await self._reader.after(self.position.number, with_spoken=wants_open, rows=self._rows)
        self._rows = min(2 * self._rows, ROWS)
        self._topic.found(piece.steps)
        self._topic.settle(expected, piece.head)
        for spoken in piece.spoken:
            self._topic.speak(spoken)
        if piece.ended and piece.complete:
            self._topic.finish(ended=True)
        return piece

    def _told(self, piece: Piece) -> Iterator[Event]:
        """The events of a piece. The position goes with them, and at last past what was left out."""
        for last, event in batches(piece.steps, self._options.filter):
            self.position = Position.at(last.position, last.id)
            yield event
        if piece.through > self.position.number:
            stands_on = piece.steps[-1] if piece.steps and piece.steps[-1].position == piece.through else None
            self.position = Position.at(piece.through, stands_on.id if stands_on else None)

    def _is_due(self) -> bool:
        """Whether it is time for a heartbeat."""
        return self._around.clock.monotonic() - self._quiet_since >= self._options.heartbeat_seconds

    def _heartbeat(self) -> Heartbeat:
        return Heartbeat(self._around.clock.now())

    async def _news(self) -> None:
        now = self._around.clock.monotonic()
        due = min(self._quiet_since + self._options.heartbeat_seconds, self._expiry)
        # News moves the heartbeat on; the wheel is told only when what it was told last has come or would come too late.
        if self._armed <= now or due < self._armed:
            self._around.wheel.disarm(self._listener, self._armed)
            self._around.wheel.arm(self._listener, due)
            self._armed = due
        await self._listener.woken()
