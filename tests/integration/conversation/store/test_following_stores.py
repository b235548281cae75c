"""Watchers get the same from SQLite and PostgreSQL, for any read size."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import timedelta
from typing import TYPE_CHECKING

import pytest

from mesh.database.migrations import migrated
from services.conversation.assembly import MIGRATIONS
from services.conversation.model.cursors import LogId
from services.conversation.store import Store, following
from services.conversation.watch import log_reader as log_reading
from tests.unit.conversation.core import Core
from tests.unit.conversation.watchers import (
    entries_before_caught_up,
    feed,
    interleaved,
    read_at_once,
    until_caught_up,
    watch,
)

if TYPE_CHECKING:
    from pathlib import Path

    from tests.postgres_server import PostgresServer

pytestmark = pytest.mark.integration


@pytest.fixture(params=["sqlite", "postgres"])
async def core(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Core]:
    """The core on a database of either kind."""
    url = f"sqlite+aiosqlite:///{tmp_path / 'log.sqlite3'}"
    if request.param == "postgres":
        server: PostgresServer = request.getfixturevalue("postgres")
        url = server.new_database()
    engine = await migrated(url, MIGRATIONS)
    try:
        yield Core(Store(engine))
    finally:
        await engine.dispose()


@pytest.mark.parametrize(("rows", "span"), [(1, 1200), (3, 1200), (128, 1), (128, 7), (2, 5), (128, 1200)])
async def test_feed_is_complete_and_in_order_for_any_read_size(
    core: Core, monkeypatch: pytest.MonkeyPatch, rows: int, span: int
) -> None:
    spans(monkeypatch, span)
    _, order = await interleaved(core, words=30)
    read_at_once(monkeypatch, rows)
    async with watch(core, feed(core), live=True) as events:
        assert await entries_before_caught_up(events) == order


@pytest.mark.parametrize(("rows", "span"), [(1, 1200), (128, 1), (128, 7), (2, 5)])
async def test_log_is_complete_and_in_order_for_any_read_size(
    core: Core, monkeypatch: pytest.MonkeyPatch, rows: int, span: int
) -> None:
    spans(monkeypatch, span)
    talks, order = await interleaved(core, words=30)
    read_at_once(monkeypatch, rows)
    for call, _ in talks:
        async with watch(core, LogId.conversation(call.conversation_id), live=True) as events:
            numbers = [number for conversation_id, number in order if conversation_id == call.conversation_id]
            assert await until_caught_up(events) == numbers


async def test_feed_starts_at_a_time_on_either_store(core: Core) -> None:
    await interleaved(core, words=5)
    core.clock.advance(60)
    now = core.clock.now()
    call, writer = await core.held_call()
    await core.append(writer, [core.said("since")])
    start = await core.followers.start_at(feed(core), now - timedelta(seconds=1))
    async with watch(core, feed(core), start) as events:
        assert await entries_before_caught_up(events) == [
            (call.conversation_id, number) for number in (1, 2, 3)
        ]


def spans(monkeypatch: pytest.MonkeyPatch, span: int) -> None:
    """Let a read cover fewer positions."""
    monkeypatch.setattr(following, "SPAN", span)
    monkeypatch.setattr(log_reading, "SPAN", span)
    monkeypatch.setattr(following, "_CONVERSATION_AFTER", following._conversation_after())
    monkeypatch.setattr(following, "_FEED_AFTER", following._feed_after())
