"""The database: small rows, one schema, one incarnation."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from uuid import uuid4

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from hypothesis import given
from hypothesis import strategies as st
from readback.conversation.v1 import entry_pb2
from sqlalchemy import Connection, Dialect, event, text
from sqlalchemy.dialects import sqlite

from mesh.database import engine as engines
from mesh.database import migrations, transactions
from mesh.errors import StoreUnavailable
from services.conversation.assembly import MIGRATIONS
from services.conversation.model.chunks import ITEM_BYTES
from services.conversation.store import Store, leases, sqlite_append
from services.conversation.store.schema import Id, Instant, metadata
from tests.unit.conversation.core import Core

pytestmark = pytest.mark.unit

DIALECT: Dialect = sqlite.dialect()
INSTANTS = st.datetimes(
    min_value=datetime(1970, 1, 1), max_value=datetime(2200, 1, 1), timezones=st.just(UTC)
)


def url_in(folder: Path) -> str:
    return f"sqlite+aiosqlite:///{folder / 'log.sqlite3'}"


async def test_migrations_create_the_schema_that_the_store_uses(tmp_path: Path) -> None:
    engine = await migrations.migrated(url_in(tmp_path), MIGRATIONS)

    def differences(connection: Connection) -> list[object]:
        options = {
            "include_name": lambda name, _kind, _parents: not str(name).startswith("spoken_words")
        }  # FTS5's own tables
        return list(compare_metadata(MigrationContext.configure(connection, opts=options), metadata))

    async with transactions.reading(engine) as connection:
        assert await connection.run_sync(differences) == []
    await engine.dispose()


async def test_incarnation_of_a_database_is_unique_and_constant(tmp_path: Path) -> None:
    seen = []
    for name in ("one", "one", "other"):
        engine = await migrations.migrated(url_in(tmp_path / name), MIGRATIONS)
        seen.append(await Store(engine).incarnation())
        await engine.dispose()
    assert seen[0] == seen[1] != seen[2]
    assert len(seen[0]) == 16


async def test_entries_rows_hold_no_uuid_as_text_and_little_beside_the_words(core: Core) -> None:
    call, writer = await core.held_call()
    words = "There are three flights from Chennai to Delhi tomorrow morning; the first leaves at six."
    drafts = [core.said(words) for _ in range(5)]
    await core.append(writer, drafts)
    async with core.store.reading() as transaction:
        rows = (await transaction.connection.execute(text("SELECT * FROM log_pages"))).all()
    (page,) = [row for row in rows if words.encode() in row.content]
    everything = b"".join(value if isinstance(value, bytes) else str(value).encode() for value in page)
    for uuid in (*[draft.entry_id for draft in drafts], call.call_id, call.conversation_id, writer.writer_id):
        assert uuid.encode() not in everything
    assert len(page.content) <= len(drafts) * (len(words) + ITEM_BYTES)


async def test_frequent_queries_use_an_index(core: Core) -> None:
    asked: list[tuple[str, tuple[object, ...]]] = []

    def listen(
        connection: object, cursor: object, statement: str, parameters: tuple[object, ...], *rest: object
    ) -> None:
        asked.append((statement, parameters))

    async with core.store.reading() as transaction:
        event.listen(transaction.connection.sync_connection, "before_cursor_execute", listen)
        await leases.held_by_none(transaction.connection, [core.replica_id])
        await leases.writers_held_by(transaction.connection, core.replica_id)
        await transaction.calls_to_clean_up(limit=10)
        await transaction.running_calls([1, 2])
        await transaction.conversations_of(str(uuid4()), before=None, limit=10)
        await transaction.entries_after(1, 5, limit=10)
        assert len(asked) == 6
        for statement, parameters in asked.copy():
            steps = await transaction.connection.exec_driver_sql(
                f"EXPLAIN QUERY PLAN {statement}", parameters
            )
            plan = [step.detail for step in steps]
            assert not [step for step in plan if step.startswith("SCAN") and "INDEX" not in step], (
                statement,
                plan,
            )


async def test_failed_transaction_leaves_nothing_behind(core: Core) -> None:
    call, writer = await core.held_call()
    before = await core.entries(call.conversation_id)
    with pytest.raises(ZeroDivisionError):
        async with core.log.commit() as commit:
            tail = await commit.tail(call.conversation_id)
            tail.add_state_change(entry_pb2.STATE_CHANGE_KIND_AGENT_LOST, await commit.call(call.call_id))
            await commit.flush()
            raise ZeroDivisionError
    assert await core.entries(call.conversation_id) == before
    await core.append(writer, [core.said("on we go")])
    assert (await core.entries(call.conversation_id))[-1].number == len(before) + 1


async def test_full_disk_makes_the_store_unavailable_until_there_is_room(
    core: Core, monkeypatch: pytest.MonkeyPatch
) -> None:
    call, writer = await core.held_call()
    words = "x" * 20_000
    with monkeypatch.context() as full:
        # A limit below the current size allows not one more page.
        full.setattr(sqlite_append, "SQLITE_PRAGMAS", (*engines.SQLITE_PRAGMAS, "max_page_count=1"))
        with pytest.raises(StoreUnavailable) as raised:
            await core.append(writer, [core.said(words)])
    assert raised.value.retry_after is not None
    await core.append(writer, [core.said(words)])
    assert await core.utterances(call.conversation_id) == [(words, "FINAL")]


@given(INSTANTS)
def test_instants_come_back_to_the_microsecond(instant: datetime) -> None:
    column = Instant()
    assert column.process_result_value(column.process_bind_param(instant, DIALECT), DIALECT) == instant


@given(st.uuids())
def test_ids_come_back_from_sixteen_bytes(uuid: object) -> None:
    column = Id()
    stored = column.process_bind_param(str(uuid), DIALECT)
    assert stored is not None
    assert len(stored) == 16
    assert column.process_result_value(stored, DIALECT) == str(uuid)


def test_absent_stays_absent() -> None:
    for column in (Id(), Instant()):
        assert column.process_bind_param(None, DIALECT) is None
        assert column.process_result_value(None, DIALECT) is None


async def test_unknown_ids_find_nothing(core: Core) -> None:
    async with core.store.reading() as transaction:
        assert await transaction.conversation(str(uuid4())) is None
        assert await transaction.call(str(uuid4())) is None
