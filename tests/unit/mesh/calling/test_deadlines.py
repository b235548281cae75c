"""The deadline of an incoming RPC limits the outgoing ones."""

from __future__ import annotations

import asyncio

import pytest

from mesh.calling.retries_and_timeouts import DEADLINE_MARGIN_SECONDS, set_deadline, shrink_timeout

pytestmark = pytest.mark.unit


async def test_an_outgoing_call_ends_before_the_incoming_one() -> None:
    set_deadline(2.0)
    assert shrink_timeout(10.0) == pytest.approx(2.0 - DEADLINE_MARGIN_SECONDS, abs=0.5)
    assert shrink_timeout(0.5) == 0.5
    assert shrink_timeout(None) is not None


async def test_a_passed_deadline_leaves_no_time() -> None:
    set_deadline(0.0)
    assert shrink_timeout(10.0) == 0.0


async def test_without_a_deadline_nothing_shrinks() -> None:
    set_deadline(None)
    assert shrink_timeout(10.0) == 10.0
    assert shrink_timeout(None) is None


async def test_each_call_has_its_own_deadline() -> None:
    async def handle(seconds: float | None) -> float | None:
        set_deadline(seconds)
        await asyncio.sleep(0)
        return shrink_timeout(None)

    short, none = await asyncio.gather(handle(1.0), handle(None))
    assert short is not None
    assert none is None
