"""Cost of wake-ups for writers: `wakeups_on_vs_off`.

A hundred agents write on one replica. Watchers follow their conversations on a second replica, which
represents another machine: the replica and its watchers run with the lowest priority (nice 19), but its
database queries don't. Four such pairs run in alternation:

    off         no wake-ups; the second replica finds entries by its slow poll
    on          wake-ups over Redis; the second replica delivers each entry at once
    published   wake-ups over Redis to a subscriber that ignores them; entries are found by the poll
    notify      NOTIFY by a trigger to a listener that ignores it; entries are found by the poll

`on` includes the cost of the immediate delivery on the same two cores. `published` and `notify` measure only
the wake-ups.
"""

from __future__ import annotations

import asyncio
import json
import os
import subprocess
import sys
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager

import asyncpg

from bench.transcript_log.figures import Figure
from bench.transcript_log.load.load_result import LoadResult
from bench.transcript_log.load.watcher_process import CHANNEL, READY
from bench.transcript_log.load.writers import run_load, writers
from bench.transcript_log.testbed.processes import ASKING
from bench.transcript_log.testbed.testbed import Testbed
from cli.supervisor.child_processes import child_process

SIDES = ("off", "on", "published", "notify")
CONVERSATIONS = 100
SESSIONS = 16
"""Database sessions that commit rows, for the cost of NOTIFY without a group commit."""
TRIGGER = (
    f"CREATE FUNCTION bench_notify() RETURNS trigger LANGUAGE plpgsql AS "
    f"$$BEGIN PERFORM pg_notify('{CHANNEL}', NEW.key::text); RETURN NULL; END$$",
    "CREATE TRIGGER bench_notify AFTER UPDATE ON conversations FOR EACH ROW EXECUTE FUNCTION bench_notify()",
)
PLAIN = "INSERT INTO rows (text) VALUES ($1)"
NOTIFYING = f"WITH row AS ({PLAIN} RETURNING key) SELECT pg_notify('{CHANNEL}', key::text) FROM row"

Run = Callable[[], Awaitable[LoadResult]]


async def measure(bed: Testbed) -> list[Figure]:
    """Measure the turns per second of a hundred agents together, with one open turn each."""
    async with AsyncExitStack() as stack:
        sides = {side: await stack.enter_async_context(_side(bed, side)) for side in SIDES}
        rounds = await bed.compare("a hundred watched conversations", sides)
        notify_alone = await _notify_alone(bed)

    def vs_off(side: str) -> float:
        return rounds.ratio(side, "off", lambda run: run.rate).median

    details = {f"{side}_turns_s": rounds.of(side, lambda run: run.rate).median for side in sides}
    details |= {f"{side}_vs_off": vs_off(side) for side in ("published", "notify")}
    details[f"notify_vs_off_{SESSIONS}_sessions"] = notify_alone
    return [Figure("wakeups_on_vs_off", rounds.ratio("on", "off", lambda run: run.rate), details)]


@asynccontextmanager
async def _side(bed: Testbed, side: str) -> AsyncIterator[Run]:
    async with AsyncExitStack() as stack:
        enter, database = stack.enter_async_context, await bed.new_database("pg")
        near = await enter(bed.conversation_service(database, wake_ups=side in ("on", "published")))
        far = await enter(bed.conversation_service(database, wake_ups=side == "on", core=ASKING, nice=19))
        fleet = await enter(writers(bed, near, CONVERSATIONS))
        if side == "notify":
            await bed.execute(database, *TRIGGER)
        followed = json.dumps([(writer.conversation_id, writer.customer.metadata) for writer in fleet])
        bus = {"published": bed.redis.url, "notify": database.replace("+psycopg", "")}.get(side)
        await enter(_watcher_process(far.address, followed, bus))
        yield lambda: run_load(fleet, bed.effort.seconds, window=1)


@asynccontextmanager
async def _watcher_process(address: str, followed: str, bus: str | None) -> AsyncIterator[None]:
    module = "bench.transcript_log.load.watcher_process"
    command = [sys.executable, "-m", module, address, *([bus] if bus else [])]
    pipe = subprocess.PIPE
    with child_process(command, grace_seconds=0, stdin=pipe, stdout=pipe, text=True) as running:
        assert running.stdin is not None
        assert running.stdout is not None
        running.stdin.write(followed + "\n")
        running.stdin.flush()
        if (await asyncio.to_thread(running.stdout.readline)).strip() != READY:
            raise RuntimeError("the watchers did not start")
        os.setpriority(os.PRIO_PROCESS, running.pid, 19)
        yield


async def _notify_alone(bed: Testbed) -> float:
    """Return the commit rate of sessions with NOTIFY, divided by their rate without NOTIFY."""
    dsn = (await bed.new_database("pg")).replace("+psycopg", "")
    async with asyncpg.create_pool(dsn, min_size=SESSIONS, max_size=SESSIONS) as pool:
        await pool.execute("CREATE TABLE rows (key bigserial PRIMARY KEY, text text NOT NULL)")

        async def rate(statement: str) -> float:
            deadline = asyncio.get_running_loop().time() + bed.effort.seconds
            return sum(
                await asyncio.gather(*(_commit_rows(pool, statement, deadline) for _ in range(SESSIONS)))
            )

        sides = {"off": lambda: rate(PLAIN), "on": lambda: rate(NOTIFYING)}
        rounds = await bed.compare("NOTIFY alone", sides, rounds=bed.effort.scaled(2))
    return rounds.ratio("on", "off", float).median


async def _commit_rows(pool: asyncpg.Pool, statement: str, deadline: float) -> int:
    count = 0
    async with pool.acquire() as session:
        while asyncio.get_running_loop().time() < deadline:
            await session.execute(statement, "Is Air India five four two on time?")
            count += 1
    return count
