"""The core over a SQLite file of its own."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from mesh.database.migrations import migrated
from services.conversation.assembly import MIGRATIONS
from services.conversation.store import Store
from tests.unit.conversation.core import Core


@pytest.fixture
async def core(tmp_path: Path) -> AsyncIterator[Core]:
    engine = await migrated(f"sqlite+aiosqlite:///{tmp_path / 'log.sqlite3'}", MIGRATIONS)
    try:
        yield Core(Store(engine))
    finally:
        await engine.dispose()
