"""The connection that appends: kept while the database answers, and nothing planned before it was lost is written after."""

from __future__ import annotations

import sqlite3
from collections.abc import AsyncIterator
from pathlib import Path
from uuid import uuid4

import pytest

from mesh.database.engine import SQLITE_PRAGMAS
from mesh.database.migrations import migrated
from mesh.errors import StoreUnavailable
from services.conversation.assembly import MIGRATIONS
from services.conversation.model.changes import Changes, Head
from services.conversation.store import sqlite_append
from services.conversation.store.appending import Appender, Reconnected

pytestmark = pytest.mark.unit


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "log.sqlite3"


@pytest.fixture
async def appender(path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Appender]:
    """One that waits for nobody."""
    monkeypatch.setattr(sqlite_append, "SQLITE_PRAGMAS", (*SQLITE_PRAGMAS, "busy_timeout=0"))
    engine = await migrated(f"sqlite+aiosqlite:///{path}", MIGRATIONS)
    made = Appender(engine)
    yield made
    made.close()
    await engine.dispose()


async def test_what_was_planned_before_the_database_was_away_is_not_written(
    appender: Appender, path: Path
) -> None:
    assert await appender.append([]) == set()
    other = sqlite3.connect(path, isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    for _ in range(2):
        with pytest.raises(StoreUnavailable):
            await appender.append([])
        with pytest.raises(Reconnected):
            await appender.append([])
    other.close()
    assert await appender.append([]) == set()


async def test_statement_that_is_wrong_costs_no_connection(appender: Appender) -> None:
    assert await appender.append([]) == set()
    unfit = Changes(str(uuid4()), 0, 1 << 70, heads=[Head(1, 1, 1, "")])
    for _ in range(2):
        with pytest.raises(OverflowError):
            await appender.append([unfit])
        assert await appender.append([]) == set()
