"""Wake-ups between replicas, over Redis publish and subscribe: published after a commit, off its path, and never waited for.

Hints gather while the last ones are on their way and go out in one round trip. They say ids and heads; small commits bring their entries,
so that nobody need ask the store for them, those of a larger one are read from there. Live text rides along. Customers are spread over
sixteen channels by the last digit of their id, and a process hears those in which somebody watches. When Redis is slow or away hints are
dropped: the backstop finds what they would have told.
"""

from __future__ import annotations

import asyncio
import os
from collections import OrderedDict, defaultdict
from collections.abc import Awaitable, Callable, Hashable
from dataclasses import replace

import structlog
from redis.asyncio import Redis
from redis.asyncio.client import PubSub
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import RedisError
from redis.exceptions import TimeoutError as RedisTimeoutError

from mesh.clock import Clock
from services.conversation.log.bus import Committed
from services.conversation.watch.hints import ORIGIN_BYTES, CallHint, Hint, SpokenHint, packed, unpacked
from services.conversation.watch.live_captions import Spoken
from services.conversation.watch.wakeups import LocalWakeUps

MAX_PENDING = 4096
"""Hints that wait for Redis at most; the oldest are dropped. Hints of the same thing are one."""
CARRIED_BYTES = 4096
"""Contents of entries that ride along with one hint at most: some twenty turns."""
PATIENCE_SECONDS = 2.0
"""How long Redis may take to answer."""
SILENCE_SECONDS = 5.0
"""After so long without a word Redis is asked whether it is there."""
PAUSES_SECONDS = (0.1, 3.0)
"""Before the first attempt to reach Redis again, and at most."""

_log = structlog.get_logger()


class RedisWakeUps:
    """Carries a process's wake-ups to other replicas and theirs to its watchers; implements `Relay`.

    Args:
        incarnation: of the database; replicas of another one are not heard.
        caught_up: looks what was missed, after Redis could be reached again.
    """

    def __init__(
        self,
        url: str,
        bus: LocalWakeUps,
        incarnation: bytes,
        clock: Clock,
        caught_up: Callable[[], Awaitable[None]],
    ) -> None:
        # Once at once, since a connection may have died unnoticed; hints that wait longer are better dropped, and the pauses are ours. Who
        # hears must know of every break, and its dead connections must not be handed to who publishes: so each has a client of its own.
        self._publisher, self._subscriber = _client(url, retries=1), _client(url, retries=0)
        self._bus, self._clock, self._caught_up = bus, clock, caught_up
        self._prefix = f"readback:{incarnation[:8].hex()}:"
        self._origin = os.urandom(ORIGIN_BYTES)
        self._pending: OrderedDict[Hashable, tuple[str, Hint]] = OrderedDict()
        self._something = asyncio.Event()
        self._followed = {self._calls_channel()}
        self._following = asyncio.Event()
        self._lost = 0

    # From here to the others

    def committed(self, commit: Committed) -> None:
        """Passes on what was stored here."""
        known = self._pending.pop(commit.conversation_id, None)
        earlier = known[1] if known else None
        hint = _light(_joined(earlier, commit) if isinstance(earlier, Committed) else commit)
        for utterance_id in commit.sealed:
            self._pending.pop(utterance_id, None)
        self._put(commit.conversation_id, self._channel(commit.customer_id), hint)

    def spoken(self, customer_id: str, spoken: Spoken) -> None:
        """Passes on what is being spoken here; the latest revision takes the place of one that still waits."""
        self._put(spoken.speech.utterance_id, self._channel(customer_id), SpokenHint(customer_id, spoken))

    def hint_call(self, call_id: str) -> None:
        """Passes on that a call ended or changed hands."""
        self._put(("call", call_id), self._calls_channel(), CallHint(call_id))

    def follow(self, customer_id: str) -> None:
        """Wants to hear of a customer's conversations from now on."""
        channel = self._channel(customer_id)
        if channel not in self._followed:
            self._followed.add(channel)
            self._following.set()

    async def publish(self) -> None:
        """Sends what gathers, for ever."""
        pause = PAUSES_SECONDS[0]
        while True:
            await self._something.wait()
            self._something.clear()
            hints, self._pending = self._pending, OrderedDict()
            try:
                await self._send(hints)
            except (RedisError, OSError) as error:
                self._lost += len(hints)
                _log.warning(
                    "Redis can't be reached; wake-ups are late meanwhile",
                    error=type(error).__name__,
                    lost=self._lost,
                )
                await self._clock.sleep(pause)
                pause = min(2 * pause, PAUSES_SECONDS[1])
            else:
                pause = PAUSES_SECONDS[0]

    # From the others to here

    async def subscribe(self) -> None:
        """Hears what the others say, for ever."""
        pause = PAUSES_SECONDS[0]
        while True:
            try:
                async with self._subscriber.pubsub() as pubsub:
                    await pubsub.subscribe(*self._followed)
                    await self._caught_up()
                    pause = PAUSES_SECONDS[0]
                    await self._hear(pubsub)
            except (RedisError, OSError) as error:
                _log.warning(
                    "Redis can't be heard; watchers are served by the poll meanwhile",
                    error=type(error).__name__,
                )
            await self._clock.sleep(pause)
            pause = min(2 * pause, PAUSES_SECONDS[1])

    async def aclose(self) -> None:
        """Closes the connections."""
        await self._publisher.aclose()
        await self._subscriber.aclose()

    def _put(self, key: Hashable, channel: str, hint: Hint) -> None:
        self._pending[key] = (channel, hint)
        self._pending.move_to_end(key)
        if len(self._pending) > MAX_PENDING:
            self._pending.popitem(last=False)
            self._lost += 1
        self._something.set()

    async def _send(self, hints: OrderedDict[Hashable, tuple[str, Hint]]) -> None:
        by_channel: defaultdict[str, list[Hint]] = defaultdict(list)
        for channel, hint in hints.values():
            by_channel[channel].append(hint)
        async with self._publisher.pipeline(transaction=False) as pipeline:
            for channel, gathered in by_channel.items():
                pipeline.publish(channel, packed(self._origin, gathered))
            await pipeline.execute()

    async def _hear(self, pubsub: PubSub) -> None:
        following = asyncio.create_task(self._follow(pubsub))
        try:
            while not following.done():
                message = await pubsub.get_message(timeout=SILENCE_SECONDS)
                if message is None:
                    await self._probe(pubsub)
                elif message["type"] == "message":
                    self._take(message["data"])
            following.result()
        finally:
            following.cancel()
            await asyncio.gather(following, return_exceptions=True)

    @staticmethod
    async def _probe(pubsub: PubSub) -> None:
        await pubsub.ping()
        if await pubsub.get_message(timeout=PATIENCE_SECONDS) is None:
            raise RedisTimeoutError("no answer to a ping")

    async def _follow(self, pubsub: PubSub) -> None:
        while True:
            await self._following.wait()
            self._following.clear()
            await pubsub.subscribe(*self._followed)
            await self._caught_up()  # what was said before the subscription was not heard

    def _take(self, message: bytes) -> None:
        if message.startswith(self._origin):
            return
        try:
            for hint in unpacked(message):
                self._tell(hint)
        except ValueError:
            _log.warning("something that is no wake-up came over Redis", size=len(message))

    def _tell(self, hint: Hint) -> None:
        match hint:
            case Committed():
                self._bus.hear(hint)
            case SpokenHint():
                self._bus.hear_speech(hint.customer_id, hint.spoken)
            case CallHint():
                self._bus.hear_call(hint.call_id)

    def _channel(self, customer_id: str) -> str:
        return self._prefix + customer_id[-1].lower()

    def _calls_channel(self) -> str:
        return self._prefix + "calls"


def _client(url: str, *, retries: int) -> Redis:
    retry = Retry(NoBackoff(), retries)
    return Redis.from_url(
        url, retry=retry, socket_connect_timeout=PATIENCE_SECONDS, socket_timeout=PATIENCE_SECONDS
    )


def _light(commit: Committed) -> Committed:
    """What is passed on of a commit: with its entries only if they are small together."""
    size = sum(len(entry.content) for entry in commit.entries)
    return replace(commit, entries=()) if size > CARRIED_BYTES else commit


def _joined(earlier: Committed, later: Committed) -> Committed:
    """One hint for two commits of a conversation; with entries if it has them of both."""
    entries = (*earlier.entries, *later.entries)
    has_all = (
        bool(entries)
        and entries[-1].number == later.head
        and entries[-1].number - entries[0].number == len(entries) - 1
    )
    return Committed(
        later.customer_id,
        later.conversation_id,
        later.head,
        max(earlier.feed_head, later.feed_head),
        entries if has_all else (),
        (*earlier.sealed, *later.sealed),
        ended=earlier.ended or later.ended,
        deleted=earlier.deleted or later.deleted,
    )
