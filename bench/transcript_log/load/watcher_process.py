"""Watchers in their own process. It prints `ready` when all are caught up, and follows until it is killed.

    python -m bench.transcript_log.load.watcher_process ADDRESS [BUS] < [[CONVERSATION_ID, METADATA], …]

With a `BUS` it also receives every wake-up, like another replica. `BUS` is the URL of Redis, or of a
PostgreSQL whose channel `bench` has the notifications.
"""

from __future__ import annotations

import asyncio
import json
import sys
from contextlib import AsyncExitStack

import psycopg
import uvloop
from redis.asyncio import Redis

from bench.transcript_log.load.watchers import catch_up, read_all, watch
from bench.transcript_log.testbed.testbed import own_connection

READY = "ready"
CHANNEL = "bench"
PER_CONNECTION = 10
"""Watchers on one connection."""


async def follow(address: str, bus: str | None) -> None:
    """Follow the conversations of the first line of stdin until cancelled."""
    wanted = json.loads(sys.stdin.readline())
    async with AsyncExitStack() as stack, asyncio.TaskGroup() as group:
        for index, (conversation_id, metadata) in enumerate(wanted):
            if index % PER_CONNECTION == 0:
                channel = await stack.enter_async_context(own_connection(address))
            watching = watch(channel, tuple(map(tuple, metadata)), conversation_id)
            stream = await stack.enter_async_context(watching)
            await catch_up(stream)
            group.create_task(read_all(stream))
        if bus is not None:
            group.create_task(_subscribe(bus) if bus.startswith("redis") else _listen(bus))
        print(READY, flush=True)


async def _listen(conninfo: str) -> None:
    async with await psycopg.AsyncConnection.connect(conninfo, autocommit=True) as connection:
        await connection.execute(f"LISTEN {CHANNEL}".encode())
        async for _ in connection.notifies():
            pass


async def _subscribe(url: str) -> None:
    async with Redis.from_url(url) as redis, redis.pubsub() as subscription:
        await subscription.psubscribe("*")
        async for _ in subscription.listen():
            pass


if __name__ == "__main__":
    uvloop.run(follow(sys.argv[1], sys.argv[2] if len(sys.argv) > 2 else None))
