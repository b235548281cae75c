"""Limits of each customer: running calls and starts."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from services.conversation.calls.customer_limits import StartRate, calls_in_the_way
from services.conversation.errors import TooManyStarts
from tests.simulated_clock import SimulatedClock
from tests.unit.conversation.core import NOON

if TYPE_CHECKING:
    from tests.unit.conversation.core import Core

pytestmark = pytest.mark.unit


async def test_call_in_another_conversation_is_in_the_way_above_the_limit(core: Core) -> None:
    first, second = await core.call(), await core.call()
    running = [first, second]
    another = second.conversation_key + 1
    assert calls_in_the_way(running, another, 1) == [first, second]
    assert calls_in_the_way(running, another, 2) == [first]
    assert calls_in_the_way(running, another, 3) == []
    assert calls_in_the_way(running, second.conversation_key, 3) == [second]
    assert calls_in_the_way(running, second.conversation_key, 1) == [second, first]


def test_starts_above_the_rate_are_refused_until_the_wait_is_over() -> None:
    clock = SimulatedClock(NOON)
    rate = StartRate(7, clock)
    for _ in range(7):
        rate.count("ada")
    with pytest.raises(TooManyStarts) as refused:
        rate.count("ada")
    rate.count("bob")
    assert refused.value.retry_after is not None
    clock.advance(refused.value.retry_after.total_seconds())
    rate.check("ada")
    rate.count("ada")
    for refuse in (rate.check, rate.count):
        with pytest.raises(TooManyStarts):
            refuse("ada")
