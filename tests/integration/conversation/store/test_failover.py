"""Failover to a PostgreSQL without the last commits: later entries are never overwritten."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from typing import TYPE_CHECKING
from uuid import uuid4

import psycopg
import pytest

from mesh.database.migrations import migrated
from mesh.errors import StoreUnavailable
from services.conversation.assembly import MIGRATIONS
from services.conversation.store import Store
from tests.unit.conversation.core import Core

if TYPE_CHECKING:
    from readback.internal.conversation.v1 import call_record_service_pb2 as call_record

    from services.conversation.log.writer_fence import Writer
    from tests.postgres_server import PostgresServer

pytestmark = pytest.mark.integration

GROWING = ("log_pages", "feed_runs")
"""Tables that change with every append."""


@asynccontextmanager
async def replica(url: str, sibling: Core | None = None) -> AsyncIterator[Core]:
    """A replica with its own connections."""
    engine = await migrated(url, MIGRATIONS)
    try:
        yield Core(Store(engine), sibling=sibling)
    finally:
        await engine.dispose()


class Failover:
    """Loses commits after `fall_behind`, and every connection, like a lagging standby that takes over."""

    def __init__(self, conninfo: str) -> None:
        self._connection = psycopg.connect(conninfo, autocommit=True)

    def fall_behind(self) -> None:
        """Lose the commits from now on."""
        for table in (*GROWING, "feeds", "conversations"):
            self._connection.execute(f'CREATE TABLE "behind_{table}" AS TABLE "{table}"'.encode())

    def take_over(self) -> None:
        """Switch to the other server."""
        others = (
            "SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity "
            "WHERE datname = current_database() AND pid <> pg_backend_pid()"
        )
        self._connection.execute(others)
        with self._connection.transaction():
            for table in GROWING:
                self._connection.execute(f'DELETE FROM "{table}"'.encode())
                self._connection.execute(f'INSERT INTO "{table}" TABLE "behind_{table}"'.encode())
            self._connection.execute(
                "UPDATE feeds SET version = b.version, last_position = b.last_position "
                "FROM behind_feeds b WHERE b.customer_id = feeds.customer_id"
            )
            self._connection.execute(
                "UPDATE conversations SET "
                "last_number = b.last_number, update_time = b.update_time, "
                "last_entry_time = b.last_entry_time, title = b.title "
                "FROM behind_conversations b WHERE b.key = conversations.key"
            )

    def close(self) -> None:
        """Close the connections."""
        self._connection.close()


async def until_stored(core: Core, writer: Writer, draft: call_record.Draft) -> None:
    """Append until the store is back: every connection of the pool may be dead."""
    for _ in range(20):
        try:
            await core.append(writer, [draft])
        except StoreUnavailable:
            continue
        return
    pytest.fail("the store never came back")


async def test_replica_with_state_from_before_a_failover_overwrites_no_later_entry(
    postgres: PostgresServer,
) -> None:
    url = postgres.new_database()
    async with AsyncExitStack() as stack:
        here = await stack.enter_async_context(replica(url))
        call, writer = await here.held_call()
        here.customer_id = str(uuid4())
        _, other_writer = await here.held_call()
        failover = Failover(postgres.conninfo(url.rpartition("/")[2]))
        stack.callback(failover.close)

        await here.append(writer, [here.said("kept")])
        await here.append(other_writer, [here.said("somebody else's")])
        failover.fall_behind()
        await here.append(writer, [here.said("lost")])
        failover.take_over()

        elsewhere = await stack.enter_async_context(replica(url, sibling=here))
        since = here.said("said since")
        (there,) = await elsewhere.append(writer, [since])
        with pytest.raises(StoreUnavailable):
            await here.append(other_writer, [here.said("finds out, for another customer")])
        await until_stored(here, writer, here.said("going on"))
        assert [text for text, _ in await elsewhere.utterances(call.conversation_id)] == [
            "kept",
            "said since",
            "going on",
        ]
        assert await here.append(writer, [since]) == [there], "it knows what the other replica stored"
        assert [entry.number for entry in await elsewhere.entries(call.conversation_id)] == [1, 2, 3, 4, 5]
