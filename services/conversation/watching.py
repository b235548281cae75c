"""Following a log: each watcher reads forward out of the store from its own position, woken by the bus after a commit.

Nothing is queued for a watcher but the number of the last entry heard of and the latest text of what is being spoken, so a slow one
costs no memory and slows nobody: it reads the next page when it comes round.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator
from dataclasses import dataclass
from datetime import datetime
from enum import Enum

from readback.conversation.v1 import entry_pb2

from mesh.clock import Clock
from services.conversation.cursors import START, Position
from services.conversation.entries import open_message
from services.conversation.errors import ConversationNotFound, CursorInvalid
from services.conversation.records import StoredEntry
from services.conversation.store import Store
from services.conversation.waiting import first_of
from services.conversation.wakeups import Listener, LocalWakeUps

PAGE = 128
"""Entries read at once."""


class Ending(Enum):
    """Why a watch ends in good order."""

    DRAINING = "draining"
    TOKEN_EXPIRED = "token expired"  # noqa: S105 -- no secret
    CONVERSATION_ENDED = "conversation ended"


@dataclass(frozen=True, slots=True)
class CaughtUp:
    """Everything stored when the watch began was read."""


@dataclass(frozen=True, slots=True)
class Heartbeat:
    """Nothing new."""

    time: datetime


Event = StoredEntry | entry_pb2.OpenUtterance | CaughtUp | Heartbeat | Ending


@dataclass(frozen=True, slots=True)
class WatchOptions:
    """How one watcher wants it."""

    heartbeat_seconds: float
    """How long a silence may last."""
    include_live: bool
    """Whether text of open utterances is wanted."""
    expires_at: datetime
    """When the watcher's token stops being good."""


@dataclass(frozen=True, slots=True)
class _Page:
    entries: list[StoredEntry]
    head: int
    ended: bool
    open_utterances: list[entry_pb2.OpenUtterance]

    @property
    def complete(self) -> bool:
        """Whether the page reaches the end of the log as it was."""
        return len(self.entries) < PAGE


class Watching:
    """What the watchers of one process share."""

    def __init__(self, store: Store, bus: LocalWakeUps, clock: Clock) -> None:
        self.store, self.bus, self.clock = store, bus, clock
        self.draining = False

    def drain(self) -> None:
        """Ends every watch, also those still to come."""
        self.draining = True
        self.bus.wake_all()

    async def start_at(self, conversation_id: str, start: Position | datetime | None) -> Position:
        """Where a watch begins: after a position, at an instant, or at the beginning.

        Raises:
            CursorInvalid: the position is not of this log as it is now, for example because the database was restored since.
            ConversationNotFound: the conversation is gone.
        """
        async with self.store.reading() as transaction:
            conversation = await transaction.conversation(conversation_id)
            if conversation is None:
                raise ConversationNotFound
            if start is None:
                return START
            number = start.number if isinstance(start, Position) else await transaction.number_before(conversation.key, start)
            found = Position.at(number, await transaction.entry_id_at(conversation.key, number))
        if isinstance(start, Position) and found != start:
            raise CursorInvalid
        return found

    async def watch(self, conversation_id: str, position: Position, options: WatchOptions) -> AsyncGenerator[tuple[Position, Event]]:
        """Every event after a position, each with the position after it; the last is an `Ending`. Close it when done."""
        with self.bus.listen(conversation_id) as subscription:
            watch = _Watch(self, conversation_id, subscription, position, options)
            async for event in watch.events():
                yield watch.position, event


class _Watch:
    """One watcher's walk along the log."""

    def __init__(self, shared: Watching, conversation_id: str, subscription: Listener, position: Position, options: WatchOptions) -> None:
        self._shared, self._conversation_id = shared, conversation_id
        self._subscription, self._options = subscription, options
        self.position = position
        self._caught_up = False
        self._quiet_since = shared.clock.monotonic()

    async def events(self) -> AsyncGenerator[Event]:
        while (ending := self._ending()) is None:
            if not self._caught_up or self._subscription.head > self.position.number:
                page = await self._read()
                for stored in page.entries:
                    self.position = Position.at(stored.number, stored.entry_id)
                    yield self._spoke(stored)
                if not page.complete:
                    continue
                if not self._caught_up:
                    self._caught_up = True
                    self._offer_open(page)
                    yield self._spoke(CaughtUp())
                if page.ended:
                    ending = Ending.CONVERSATION_ENDED
                    break
            if self._options.include_live:
                for speech in self._subscription.take_live():
                    yield self._spoke(speech)
            if self._silence() >= self._options.heartbeat_seconds:
                yield self._spoke(Heartbeat(self._shared.clock.now()))
            await self._news()
        yield ending

    async def _read(self) -> _Page:
        async with self._shared.store.reading() as transaction:
            conversation = await transaction.conversation(self._conversation_id)
            if conversation is None:
                raise ConversationNotFound
            entries = await transaction.entries_after(conversation.key, self.position.number, limit=PAGE)
            wanted = self._options.include_live and not self._caught_up
            spoken = await transaction.open_utterances(conversation.key) if wanted else []
        return _Page(entries, conversation.last_number, conversation.ended, [open_message(speech) for speech in spoken])

    def _offer_open(self, page: _Page) -> None:
        # Had something been committed since the page was read, one of these might be sealed by now.
        if self._subscription.head <= page.head:
            for speech in page.open_utterances:
                self._subscription.offer(speech)

    def _spoke(self, event: Event) -> Event:
        self._quiet_since = self._shared.clock.monotonic()
        return event

    def _silence(self) -> float:
        return self._shared.clock.monotonic() - self._quiet_since

    def _ending(self) -> Ending | None:
        if self._shared.draining:
            return Ending.DRAINING
        return Ending.TOKEN_EXPIRED if self._shared.clock.now() >= self._options.expires_at else None

    async def _news(self) -> None:
        until_expiry = (self._options.expires_at - self._shared.clock.now()).total_seconds()
        patience = min(self._options.heartbeat_seconds - self._silence(), until_expiry)
        await first_of(self._subscription.woken(), self._shared.clock.sleep(max(0.0, patience)))
