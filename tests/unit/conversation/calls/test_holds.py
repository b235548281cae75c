"""Holds of calls by live streams."""

from __future__ import annotations

from dataclasses import replace

import pytest

from services.conversation.calls.holds import HoldEnd, Holds
from services.conversation.errors import CallEnded, StaleEpoch
from services.conversation.log.writer_fence import Writer

pytestmark = pytest.mark.unit

WRITER = Writer("call", 1, "writer")


async def test_call_is_held_while_its_stream_lives() -> None:
    holds, changes = Holds(), []
    holds.on_change(lambda: changes.append(holds.is_held("call")))
    with holds.take(WRITER):
        assert holds.is_held("call")
    assert changes == [True, False]


async def test_reopened_stream_ends_the_half_open_one() -> None:
    holds = Holds()
    with holds.take(WRITER) as first, holds.take(WRITER) as second:
        assert await first.ended() is HoldEnd.REOPENED
        holds.end("call", HoldEnd.CALL_ENDED)
        assert await second.ended() is HoldEnd.CALL_ENDED


async def test_end_of_a_half_open_stream_does_not_free_the_call() -> None:
    holds = Holds()
    first = holds.take(WRITER)
    first.__enter__()
    with holds.take(WRITER):
        first.__exit__(None, None, None)
        assert holds.is_held("call")


async def test_next_agent_ends_the_hold_of_the_previous_one() -> None:
    holds = Holds()
    with holds.take(WRITER) as first, holds.take(replace(WRITER, epoch=2, writer_id="other")):
        assert await first.ended() is HoldEnd.AGENT_REPLACED


async def test_only_the_first_reason_counts() -> None:
    holds = Holds()
    with holds.take(WRITER) as hold:
        hold.end(HoldEnd.CALL_ENDED)
        hold.end(HoldEnd.DRAINING)
        assert await hold.ended() is HoldEnd.CALL_ENDED


async def test_draining_also_ends_later_holds() -> None:
    holds = Holds()
    with holds.take(WRITER) as before:
        holds.drain()
        assert await before.ended() is HoldEnd.DRAINING
    with holds.take(WRITER) as after:
        assert await after.ended() is HoldEnd.DRAINING


async def test_end_of_a_call_without_a_hold_notifies_the_cleanup() -> None:
    holds, notified = Holds(), []
    holds.on_change(lambda: notified.append(True))
    holds.end("call", HoldEnd.CALL_ENDED)
    assert notified == [True]


async def test_stream_is_expected_until_it_takes_its_call() -> None:
    holds = Holds()
    with holds.expecting("call"):
        assert holds.is_expected("call")
    assert holds.is_expected("call")
    with holds.take(WRITER):
        assert holds.is_expected("call")
    assert not holds.is_expected("call")


async def test_refused_stream_is_no_longer_expected_but_another_still_is() -> None:
    holds, changes = Holds(), []
    holds.on_change(lambda: changes.append(holds.is_expected("call")))
    with pytest.raises(CallEnded), holds.expecting("call"):
        with pytest.raises(StaleEpoch), holds.expecting("call"):
            raise StaleEpoch(2)
        raise CallEnded
    assert changes == [True, False]  # the row is checked after each, because it may name this replica
    assert not holds.is_expected("call")


async def test_failed_opens_are_not_remembered() -> None:
    holds = Holds()
    for number in range(100):
        with pytest.raises(CallEnded), holds.expecting(f"call {number}"):
            raise CallEnded
    assert len(holds._expected) == 0
