"""Which streams hold which calls."""

from __future__ import annotations

from dataclasses import replace

import pytest

from services.conversation.calls.holds import Holds, Over
from services.conversation.errors import CallEnded, StaleEpoch
from services.conversation.log.writer_fence import Writer

pytestmark = pytest.mark.unit

WRITER = Writer("call", 1, "writer")


async def test_call_is_held_as_long_as_the_stream_is_there() -> None:
    holds, changes = Holds(), []
    holds.notify(lambda: changes.append(holds.is_held("call")))
    with holds.take(WRITER):
        assert holds.is_held("call")
    assert changes == [True, False]


async def test_stream_that_is_opened_again_displaces_the_half_open_one() -> None:
    holds = Holds()
    with holds.take(WRITER) as first, holds.take(WRITER) as second:
        assert await first.over() is Over.REOPENED
        holds.end("call", Over.CALL_ENDED)
        assert await second.over() is Over.CALL_ENDED


async def test_half_open_stream_that_goes_does_not_free_the_call() -> None:
    holds = Holds()
    first = holds.take(WRITER)
    first.__enter__()
    with holds.take(WRITER):
        first.__exit__(None, None, None)
        assert holds.is_held("call")


async def test_next_agent_displaces_the_one_before() -> None:
    holds = Holds()
    with holds.take(WRITER) as first, holds.take(replace(WRITER, epoch=2, writer_id="other")):
        assert await first.over() is Over.AGENT_REPLACED


async def test_only_the_first_reason_counts() -> None:
    holds = Holds()
    with holds.take(WRITER) as hold:
        hold.end(Over.CALL_ENDED)
        hold.end(Over.DRAINING)
        assert await hold.over() is Over.CALL_ENDED


async def test_draining_ends_holds_that_come_later_too() -> None:
    holds = Holds()
    with holds.take(WRITER) as before:
        holds.drain()
        assert await before.over() is Over.DRAINING
    with holds.take(WRITER) as after:
        assert await after.over() is Over.DRAINING


async def test_ending_a_call_that_nobody_holds_is_told_to_who_clears_up() -> None:
    holds, told = Holds(), []
    holds.notify(lambda: told.append(True))
    holds.end("call", Over.CALL_ENDED)
    assert told == [True]


async def test_stream_that_is_about_to_take_a_call_is_expected_until_it_does() -> None:
    holds = Holds()
    with holds.expecting("call"):
        assert holds.is_expected("call")
    assert holds.is_expected("call")
    with holds.take(WRITER):
        assert holds.is_expected("call")
    assert not holds.is_expected("call")


async def test_stream_that_may_not_have_its_call_is_not_expected_any_more_but_another_still_is() -> None:
    holds, changes = Holds(), []
    holds.notify(lambda: changes.append(holds.is_expected("call")))
    with pytest.raises(CallEnded), holds.expecting("call"):
        with pytest.raises(StaleEpoch), holds.expecting("call"):
            raise StaleEpoch(2)
        raise CallEnded
    assert changes == [True, False]  # each time the row is looked at: it may name this replica all the same
    assert not holds.is_expected("call")


async def test_failed_opens_are_not_remembered() -> None:
    holds = Holds()
    for number in range(100):
        with pytest.raises(CallEnded), holds.expecting(f"call {number}"):
            raise CallEnded
    assert len(holds._expected) == 0
