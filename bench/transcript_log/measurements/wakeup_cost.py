"""What waking the watchers costs those who write: `wakeups_on_vs_off`.

A hundred agents write on one replica. Their conversations are followed on a second one, which stands for another machine: it and its
watchers give way to everything else (nice 19), though not its questions to the database. Four such pairs take turns:

    off         nobody is woken; the second replica's slow poll finds the entries
    on          the second replica is woken over Redis, and delivers each entry at once
    published   the wake-ups go out over Redis to one who does nothing with them; entries are found by the poll
    notify      a trigger calls NOTIFY inside the transaction, heard by one who does nothing with it; entries are found by the poll

So `on` holds what it costs to deliver at once on the same two cores; `published` and `notify` are the price of the wake-ups alone.
"""

from __future__ import annotations

import asyncio
import json
import os
import subprocess
import sys
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import AsyncExitStack, asynccontextmanager

import asyncpg

from bench.transcript_log.figures import Figure
from bench.transcript_log.interleaved_rounds import interleaved
from bench.transcript_log.load import writers
from bench.transcript_log.load.load_result import Load
from bench.transcript_log.load.watcher_process import CHANNEL, READY
from bench.transcript_log.testbed.cores import ASKING
from bench.transcript_log.testbed.testbed import Server, Stage

ARMS = ("off", "on", "published", "notify")
CONVERSATIONS = 100
SESSIONS = 16
"""Database sessions that commit rows of their own, for what NOTIFY costs without a group commit."""
TRIGGER = (
    f"CREATE FUNCTION bench_notify() RETURNS trigger LANGUAGE plpgsql AS "
    f"$$BEGIN PERFORM pg_notify('{CHANNEL}', NEW.key::text); RETURN NULL; END$$",
    "CREATE TRIGGER bench_notify AFTER UPDATE ON conversations FOR EACH ROW EXECUTE FUNCTION bench_notify()",
)
PLAIN = "INSERT INTO rows (text) VALUES ($1)"
NOTIFYING = f"WITH row AS ({PLAIN} RETURNING key) SELECT pg_notify('{CHANNEL}', key::text) FROM row"

Arm = Callable[[], Awaitable[Load]]


async def measure(stage: Stage) -> list[Figure]:
    """Turns a second of the hundred agents together, one turn out from each."""
    async with AsyncExitStack() as stack:
        arms: dict[str, Arm] = {}
        for arm in ARMS:
            arms[arm] = await stack.enter_async_context(_watched(stage, arm))
        rounds = await interleaved(
            arms, stage.effort.rounds, done=lambda: stage.say("a hundred watched conversations")
        )
        bare = await _bare(stage)
    rates = {f"{arm}_turns_s": rounds.of(arm, lambda load: load.rate).median for arm in arms}
    alone = {
        f"{arm}_vs_off": rounds.ratio(arm, "off", lambda load: load.rate).median
        for arm in ("published", "notify")
    }
    beside = rates | alone | {f"notify_vs_off_{SESSIONS}_sessions": bare}
    return [Figure("wakeups_on_vs_off", rounds.ratio("on", "off", lambda load: load.rate), beside)]


@asynccontextmanager
async def _watched(stage: Stage, arm: str) -> AsyncIterator[Arm]:
    async with AsyncExitStack() as stack:
        database = await stage.database("pg")
        here = await stack.enter_async_context(
            stage.conversation(database, wake_ups=arm in ("on", "published"))
        )
        there = await stack.enter_async_context(
            stage.conversation(database, wake_ups=arm == "on", core=ASKING, nice=19)
        )
        fleet = await stack.enter_async_context(writers.writers(stage, here, CONVERSATIONS))
        if arm == "notify":
            await stage.sql(database, *TRIGGER)
        wanted = [(writer.conversation_id, writer.customer.metadata) for writer in fleet]
        bus = {"published": stage.redis.url, "notify": database.replace("+psycopg", "")}.get(arm)
        await stack.enter_async_context(_audience(there, json.dumps(wanted), bus))
        yield lambda: writers.load(fleet, stage.effort.seconds, window=1)


@asynccontextmanager
async def _audience(server: Server, wanted: str, bus: str | None) -> AsyncIterator[None]:
    command = ["-m", "bench.transcript_log.load.watcher_process", server.address, *([bus] if bus else [])]
    running = _started(command, wanted)
    try:
        assert running.stdout is not None
        if (await asyncio.to_thread(running.stdout.readline)).strip() != READY:
            raise RuntimeError("the watchers did not start")
        os.setpriority(os.PRIO_PROCESS, running.pid, 19)
        yield
    finally:
        running.kill()
        running.communicate()


def _started(command: Sequence[str], line: str) -> subprocess.Popen[str]:
    running = subprocess.Popen(
        [sys.executable, *command], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    assert running.stdin is not None
    running.stdin.write(line + "\n")
    running.stdin.flush()
    return running


async def _bare(stage: Stage) -> float:
    """What NOTIFY leaves of the rate of sessions that commit a row each."""
    dsn = (await stage.database("pg")).replace("+psycopg", "")
    async with asyncpg.create_pool(dsn, min_size=SESSIONS, max_size=SESSIONS) as pool:
        await pool.execute("CREATE TABLE rows (key bigserial PRIMARY KEY, text text NOT NULL)")

        async def rate(statement: str) -> float:
            deadline = asyncio.get_running_loop().time() + stage.effort.seconds
            return sum(
                await asyncio.gather(*(_committed(pool, statement, deadline) for _ in range(SESSIONS)))
            )

        arms = {"off": lambda: rate(PLAIN), "on": lambda: rate(NOTIFYING)}
        rounds = await interleaved(arms, stage.effort.few(2), done=lambda: stage.say("NOTIFY on its own"))
    return rounds.ratio("on", "off", float).median


async def _committed(pool: asyncpg.Pool, statement: str, deadline: float) -> int:
    count = 0
    async with pool.acquire() as session:
        while asyncio.get_running_loop().time() < deadline:
            await session.execute(statement, "Is Air India five four two on time?")
            count += 1
    return count
