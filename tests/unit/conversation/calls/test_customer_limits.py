"""Limits of each customer: running calls, starts, and what runs at the same time."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from mesh.errors import Overloaded
from services.conversation.calls.customer_limits import CustomerSlots, StartRate, calls_in_the_way
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
    rate.count("ada")
    with pytest.raises(TooManyStarts):
        rate.count("ada")


def test_customers_who_start_nothing_are_forgotten() -> None:
    clock = SimulatedClock(NOON)
    rate = StartRate(60, clock)
    for number in range(100):
        rate.count(str(number))
    clock.advance(61)
    rate.count("another")
    assert list(rate._free_at) == ["another"]


def test_each_customer_has_the_same_number_of_slots() -> None:
    slots = CustomerSlots(2, "watches")
    with slots.hold("ada"), slots.hold("ada"):
        with pytest.raises(Overloaded, match="watches"), slots.hold("ada"):
            pass
        with slots.hold("bob"):
            pass
    with slots.hold("ada"):
        assert dict(slots._held) == {"ada": 1}
