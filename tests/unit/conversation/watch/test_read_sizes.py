"""Catching up starts with a small read, so that the first message arrives soon; reads then grow."""

from __future__ import annotations

import pytest

from services.conversation.model.cursors import LogId
from services.conversation.watch import follower
from services.conversation.watch.follower import FIRST_ROWS
from services.conversation.watch.log_reader import ROWS, ConversationReader, LogSlice
from tests.unit.conversation.core import Core
from tests.unit.conversation.watchers import until_caught_up, watch

pytestmark = pytest.mark.unit


async def test_reads_double_up_to_a_limit_and_leave_nothing_out(
    core: Core, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[int] = []
    after = ConversationReader.after

    async def noted(
        reader: ConversationReader, position: int, *, with_captions: bool = False, rows: int = ROWS
    ) -> LogSlice:
        asked.append(rows)
        return await after(reader, position, with_captions=with_captions, rows=rows)

    monkeypatch.setattr(ConversationReader, "after", noted)
    monkeypatch.setattr(follower, "FIRST_ROWS", 1)
    monkeypatch.setattr(follower, "ROWS", 4)
    call, writer = await core.held_call()
    for _ in range(6):
        await core.append(writer, [core.said("a turn of some length, " * 8) for _ in range(20)])
    async with watch(core, LogId.conversation(call.conversation_id)) as events:
        assert await until_caught_up(events) == list(range(1, 123))
    assert asked[:3] == [1, 2, 4]
    assert set(asked[3:]) == {4}


def test_first_read_is_a_fraction_of_the_largest() -> None:
    assert 0 < FIRST_ROWS <= ROWS // 4
