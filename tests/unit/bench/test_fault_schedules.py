"""With one healthy provider, every request is answered whatever the other does, and no budget is exceeded."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bench.flightdata.fault_schedules import schedule

pytestmark = pytest.mark.unit


@settings(max_examples=200, deadline=None)
@given(st.integers(0, 2**32))
async def test_one_healthy_provider_is_enough_and_a_faulty_one_is_rarely_asked(seed: int) -> None:
    tally = await schedule(seed, requests=60)
    assert tally.answered == tally.requests
    assert tally.probes <= max(1, 0.05 * tally.while_open)
    assert not tally.over_budget


async def test_a_schedule_is_the_same_for_the_same_seed() -> None:
    assert await schedule(7, requests=30) == await schedule(7, requests=30)
