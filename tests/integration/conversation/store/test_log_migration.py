"""Migration of a database without pages and feeds: entries keep their place, in the order of commit."""

from __future__ import annotations

from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import pytest
from alembic import command
from alembic.config import Config
from readback.conversation.v1 import entry_pb2
from sqlalchemy import Connection, text

from mesh.database.engine import open_engine
from mesh.database.migrations import migrated
from mesh.database.transactions import writing
from services.conversation.assembly import MIGRATIONS
from services.conversation.model.entries import KINDS, entry_message
from services.conversation.model.feeds import RunKind
from services.conversation.store import Store
from tests.integration.conversation.feed_runs import feed_runs
from tests.postgres_server import PostgresServer

pytestmark = pytest.mark.integration

CUSTOMER, OTHER = str(uuid4()), str(uuid4())
START = 1_790_000_000_000_000
CUSTOMER_SPEAKS = entry_pb2.SPEAKER_CUSTOMER
LENGTHS = {1: 30, 2: 5, 3: 1}
"""Entries by the key of their conversation; the third is another customer's."""


@pytest.fixture(params=["sqlite", "postgresql"])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    if request.param == "sqlite":
        return f"sqlite+aiosqlite:///{tmp_path / 'log.sqlite3'}"
    server: PostgresServer = request.getfixturevalue("postgres")
    return server.new_database()


def _entry_id(key: int, number: int) -> UUID:
    return UUID(int=key << 64 | number)


def _rows() -> list[dict[str, Any]]:
    """Old entries: those of the first two conversations were committed alternately."""
    rows = []
    for key, length in LENGTHS.items():
        for number in range(1, length + 1):
            words = entry_pb2.Utterance(
                speaker=CUSTOMER_SPEAKS, modality=entry_pb2.MODALITY_VOICE, text=f"words {number}"
            )
            commit = START + number * 1_000_000 + key
            rows.append(
                {
                    "conversation_key": key,
                    "number": number,
                    "entry_id": _entry_id(key, number).bytes,
                    "call_key": key if number > 1 else None,
                    "kind": KINDS["utterance"],
                    "speaker": 1,
                    "start_time": commit - 2_500_000,
                    "end_time": commit - 1,
                    "commit_time": commit,
                    "late": number == length,
                    "digest": bytes(8),
                    "content": words.SerializeToString(),
                }
            )
    return rows


async def _database_of_before(url: str) -> None:
    """Create a database of revision 0001."""

    def upgrade(connection: Connection) -> None:
        config = Config()
        config.set_main_option("script_location", str(MIGRATIONS))
        config.attributes["connection"] = connection
        command.upgrade(config, "0001")

    engine = open_engine(url)
    async with writing(engine) as connection:
        await connection.run_sync(upgrade)
        for key, length in LENGTHS.items():
            customer = OTHER if key == 3 else CUSTOMER
            names = {
                "key": key,
                "id": UUID(int=key).bytes,
                "customer": UUID(customer).bytes,
                "now": START,
                "last": length,
                "room": f"r{key}",
            }
            await connection.execute(
                text(
                    "INSERT INTO conversations VALUES "
                    "(:key, :id, :customer, 'A title', 'en-IN', 1, :now, :now, :now, NULL, :last)"
                ),
                names,
            )
            await connection.execute(
                text(
                    "INSERT INTO calls (key, call_id, conversation_key, room, state, epoch, dispatches, "
                    "dispatch_time, access_expire_time, time_zone, create_time, end_reason) "
                    "VALUES (:key, :id, :key, :room, 3, 1, 0, :now, :now, '', :now, 1)"
                ),
                names,
            )
        for row in _rows():
            columns = ", ".join(row)
            await connection.execute(
                text(f"INSERT INTO entries ({columns}) VALUES (:{', :'.join(row)})"), row
            )
    await engine.dispose()


async def test_entries_keep_their_place_and_the_feed_is_in_the_order_of_commit(url: str) -> None:
    await _database_of_before(url)
    engine = await migrated(url, MIGRATIONS)
    try:
        async with Store(engine).reading() as transaction:
            for key, length in LENGTHS.items():
                stored = await transaction.entries_after(key, 0, limit=100)
                assert [entry.number for entry in stored] == list(range(1, length + 1))
                for entry, row in zip(
                    stored, [row for row in _rows() if row["conversation_key"] == key], strict=True
                ):
                    assert entry.entry_id == row["entry_id"]
                    assert (entry.start_micros, entry.end_micros) == (row["start_time"], row["end_time"])
                    assert (entry.commit_micros, entry.late, entry.content) == (
                        row["commit_time"],
                        row["late"],
                        row["content"],
                    )
                    assert entry.call_id == (str(UUID(int=key)) if row["call_key"] else None)
                    assert entry_message("", entry).utterance.text == f"words {entry.number}"
            runs = await feed_runs(transaction, CUSTOMER)
            assert {run.kind for run in runs} == {RunKind.ENTRIES}
            numbered = [
                (UUID(run.conversation_id).int, run.first_number + step)
                for run in runs
                for step in range(run.length)
            ]
            in_turn = [(key, number) for number in range(1, 31) for key in (1, 2) if number <= LENGTHS[key]]
            assert numbered == in_turn
            assert (await transaction.feed_end(CUSTOMER)).last_position == len(in_turn)
            assert (await transaction.feed_end(OTHER)).last_position == 1
    finally:
        await engine.dispose()


async def test_migrating_twice_changes_nothing(url: str) -> None:
    await _database_of_before(url)
    for _ in range(2):
        engine = await migrated(url, MIGRATIONS)
        async with Store(engine).reading() as transaction:
            assert len(await transaction.entries_after(1, 0, limit=100)) == LENGTHS[1]
        await engine.dispose()
