"""Wake-ups between replicas over Redis publish/subscribe. A commit doesn't wait until they are sent.

Hints that are created while earlier ones are being sent are sent together in one round trip. The hint of a
commit contains ids and heads. It also contains the entries if they are small; larger ones are read from the
store. The hint of a caption contains its text. The last digit of a customer's id selects one of sixteen
channels, and a process only subscribes to the channels of watched customers. While Redis is slow or
unavailable, hints are dropped. The backstop then finds the changes.
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
from services.conversation.watch.hints import (
    ORIGIN_BYTES,
    CallHint,
    CaptionHint,
    Hint,
    origin_prefix,
    pack_hints,
    unpack_hints,
)
from services.conversation.watch.live_captions import Caption
from services.conversation.watch.wakeups import LocalBus

MAX_PENDING = 4096
"""Most hints that wait for Redis; beyond it, the oldest one is dropped. A new hint replaces a waiting one for
the same conversation, utterance or call."""
CARRIED_BYTES = 4096
"""Most bytes of entry contents in one hint: about twenty turns."""
TIMEOUT_SECONDS = 2.0
"""Timeout for connections to Redis, its replies and its ping."""
SILENCE_SECONDS = 5.0
"""Time without a message after which Redis is pinged."""
PAUSES_SECONDS = (0.1, 3.0)
"""First and longest pause between attempts to reach Redis, in seconds."""

_log = structlog.get_logger()


class RedisRelay:
    """Relay of wake-ups between the replicas that share a database; implements `Relay`.

    Args:
        incarnation: identifies the database. Replicas of other databases use other channels.
        poll: reads the store for missed changes. Called after each subscription.
    """

    def __init__(
        self, url: str, bus: LocalBus, incarnation: bytes, clock: Clock, poll: Callable[[], Awaitable[None]]
    ) -> None:
        # The publisher retries once, because an idle connection may have broken unnoticed. The subscriber
        # never retries, because it must poll after each broken connection. Two clients, so that the publisher
        # doesn't get a broken connection of the subscriber.
        self._publisher, self._subscriber = _client(url, retries=1), _client(url, retries=0)
        self._bus, self._clock, self._poll = bus, clock, poll
        self._prefix = f"readback:{incarnation[:8].hex()}:"
        self._origin = os.urandom(ORIGIN_BYTES)
        self._own_messages = origin_prefix(self._origin)
        self._pending: OrderedDict[Hashable, tuple[str, Hint]] = OrderedDict()
        self._has_pending = asyncio.Event()
        self._channels = {self._calls_channel()}
        self._channels_changed = asyncio.Event()
        self._dropped = 0

    # Sending: from this process to other processes

    def committed(self, commit: Committed) -> None:
        """Send a commit of this process."""
        _, earlier = self._pending.pop(commit.conversation_id, (None, None))
        merged = _merged(earlier, commit) if isinstance(earlier, Committed) else commit
        for utterance_id in commit.sealed:
            self._pending.pop(utterance_id, None)
        self._put(commit.conversation_id, self._channel(commit.customer_id), _bounded(merged))

    def spoken(self, customer_id: str, caption: Caption) -> None:
        """Send a caption of this process; it replaces a pending one of the same utterance."""
        hint = CaptionHint(customer_id, caption)
        self._put(caption.speech.utterance_id, self._channel(customer_id), hint)

    def hint_call(self, call_id: str) -> None:
        """Send the hint that a call has ended or its agent was replaced."""
        self._put(("call", call_id), self._calls_channel(), CallHint(call_id))

    def follow(self, customer_id: str) -> None:
        """Subscribe to the channel of a customer."""
        channel = self._channel(customer_id)
        if channel not in self._channels:
            self._channels.add(channel)
            self._channels_changed.set()

    async def publish(self) -> None:
        """Send pending hints until cancelled."""
        pause = PAUSES_SECONDS[0]
        while True:
            await self._has_pending.wait()
            self._has_pending.clear()
            hints, self._pending = self._pending, OrderedDict()
            try:
                await self._send(hints)
            except (RedisError, OSError) as error:
                self._dropped += len(hints)
                _log.warning(
                    "wake-ups dropped; publishing to Redis failed",
                    error=type(error).__name__,
                    dropped=self._dropped,
                )
                await self._clock.sleep(pause)
                pause = min(2 * pause, PAUSES_SECONDS[1])
            else:
                pause = PAUSES_SECONDS[0]

    # Receiving: from other processes to this one

    async def subscribe(self) -> None:
        """Receive hints until cancelled."""
        pause = PAUSES_SECONDS[0]
        while True:
            try:
                async with self._subscriber.pubsub() as pubsub:
                    await pubsub.subscribe(*self._channels)
                    await self._poll()
                    pause = PAUSES_SECONDS[0]
                    await self._receive(pubsub)
            except (RedisError, OSError) as error:
                _log.warning("wake-up subscription failed; watchers poll", error=type(error).__name__)
            await self._clock.sleep(pause)
            pause = min(2 * pause, PAUSES_SECONDS[1])

    async def aclose(self) -> None:
        """Close the connections."""
        await self._publisher.aclose()
        await self._subscriber.aclose()

    def _put(self, key: Hashable, channel: str, hint: Hint) -> None:
        self._pending[key] = (channel, hint)
        self._pending.move_to_end(key)
        if len(self._pending) > MAX_PENDING:
            self._pending.popitem(last=False)
            self._dropped += 1
        self._has_pending.set()

    async def _send(self, hints: OrderedDict[Hashable, tuple[str, Hint]]) -> None:
        by_channel: defaultdict[str, list[Hint]] = defaultdict(list)
        for channel, hint in hints.values():
            by_channel[channel].append(hint)
        async with self._publisher.pipeline(transaction=False) as pipeline:
            for channel, collected in by_channel.items():
                pipeline.publish(channel, pack_hints(self._origin, collected))
            await pipeline.execute()

    async def _receive(self, pubsub: PubSub) -> None:
        following = asyncio.create_task(self._subscribe_new(pubsub))
        try:
            while not following.done():
                message = await pubsub.get_message(timeout=SILENCE_SECONDS)
                if message is None:
                    await self._ping(pubsub)
                elif message["type"] == "message":
                    self._take(message["data"])
            following.result()
        finally:
            following.cancel()
            await asyncio.gather(following, return_exceptions=True)

    @staticmethod
    async def _ping(pubsub: PubSub) -> None:
        await pubsub.ping()
        if await pubsub.get_message(timeout=TIMEOUT_SECONDS) is None:
            raise RedisTimeoutError("Redis did not answer a ping")

    async def _subscribe_new(self, pubsub: PubSub) -> None:
        while True:
            await self._channels_changed.wait()
            self._channels_changed.clear()
            await pubsub.subscribe(*self._channels)
            await self._poll()  # finds the changes whose hints were sent before the subscription

    def _take(self, message: bytes) -> None:
        if message.startswith(self._own_messages):
            return
        try:
            for hint in unpack_hints(message):
                self._deliver(hint)
        except ValueError:
            _log.warning("malformed wake-up ignored", size=len(message))

    def _deliver(self, hint: Hint) -> None:
        match hint:
            case Committed():
                self._bus.deliver(hint)
            case CaptionHint():
                self._bus.deliver_caption(hint.customer_id, hint.caption)
            case CallHint():
                self._bus.deliver_call(hint.call_id)

    def _channel(self, customer_id: str) -> str:
        return self._prefix + customer_id[-1].lower()

    def _calls_channel(self) -> str:
        return self._prefix + "calls"


def _client(url: str, *, retries: int) -> Redis:
    retry = Retry(NoBackoff(), retries)
    return Redis.from_url(
        url, retry=retry, socket_connect_timeout=TIMEOUT_SECONDS, socket_timeout=TIMEOUT_SECONDS
    )


def _bounded(commit: Committed) -> Committed:
    """Return a commit; without its entries, if their contents exceed `CARRIED_BYTES`."""
    size = sum(len(entry.content) for entry in commit.entries)
    return replace(commit, entries=()) if size > CARRIED_BYTES else commit


def _merged(earlier: Committed, later: Committed) -> Committed:
    """Merge two commits of a conversation. Keep the entries only if none is missing."""
    entries = (*earlier.entries, *later.entries)
    has_all = (
        bool(entries)
        and entries[-1].number == max(earlier.head, later.head)
        and entries[-1].number - entries[0].number == len(entries) - 1
    )
    return replace(
        later,
        head=max(earlier.head, later.head),
        feed_head=max(earlier.feed_head, later.feed_head),
        entries=entries if has_all else (),
        sealed=(*earlier.sealed, *later.sealed),
        ended=earlier.ended or later.ended,
        deleted=earlier.deleted or later.deleted,
        changed=earlier.changed or later.changed,
    )
