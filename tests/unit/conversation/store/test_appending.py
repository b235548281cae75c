"""The append connection: kept while the database answers; changes planned before a loss are never written."""

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
from services.conversation.model.log_state import Changes, Head
from services.conversation.store import sqlite_append
from services.conversation.store.appending import Appender, Reconnected

pytestmark = pytest.mark.unit


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "log.sqlite3"


@pytest.fixture
async def appender(path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Appender]:
    """An appender without a busy timeout."""
    monkeypatch.setattr(sqlite_append, "SQLITE_PRAGMAS", (*SQLITE_PRAGMAS, "busy_timeout=0"))
    engine = await migrated(f"sqlite+aiosqlite:///{path}", MIGRATIONS)
    made = Appender(engine)
    yield made
    made.close()
    await engine.dispose()


async def test_changes_planned_before_an_outage_are_not_written(appender: Appender, path: Path) -> None:
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


async def test_invalid_statement_keeps_the_connection(appender: Appender) -> None:
    assert await appender.append([]) == set()
    unfit = Changes(str(uuid4()), 0, 1 << 70, heads=[Head(1, 1, 1, "")])
    for _ in range(2):
        with pytest.raises(OverflowError):
            await appender.append([unfit])
        assert await appender.append([]) == set()
