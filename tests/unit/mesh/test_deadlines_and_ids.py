"""Deadlines shrink; ids sort by time."""

from __future__ import annotations

import asyncio
import uuid

import pytest

from mesh.calling import retries_and_timeouts
from mesh.ids import uuid7

pytestmark = pytest.mark.unit


async def test_an_outgoing_call_may_not_outlast_the_incoming_one() -> None:
    retries_and_timeouts.set_deadline(2.0)
    assert retries_and_timeouts.shrink_timeout(10.0) == pytest.approx(
        2.0 - retries_and_timeouts.DEADLINE_MARGIN_SECONDS, abs=0.5
    )
    assert retries_and_timeouts.shrink_timeout(0.5) == 0.5
    assert retries_and_timeouts.shrink_timeout(None) is not None


async def test_a_deadline_that_has_passed_leaves_nothing() -> None:
    retries_and_timeouts.set_deadline(0.0)
    assert retries_and_timeouts.shrink_timeout(10.0) == 0.0


async def test_without_a_deadline_nothing_shrinks() -> None:
    retries_and_timeouts.set_deadline(None)
    assert retries_and_timeouts.shrink_timeout(10.0) == 10.0
    assert retries_and_timeouts.shrink_timeout(None) is None


async def test_one_calls_deadline_is_not_anothers() -> None:
    async def handle(seconds: float | None) -> float | None:
        retries_and_timeouts.set_deadline(seconds)
        await asyncio.sleep(0)
        return retries_and_timeouts.shrink_timeout(None)

    short, none = await asyncio.gather(handle(1.0), handle(None))
    assert short is not None
    assert none is None


def test_ids_are_uuids_of_version_seven_and_differ() -> None:
    made = [uuid7() for _ in range(1000)]
    assert {uuid.UUID(text).version for text in made} == {7}
    assert {uuid.UUID(text).variant for text in made} == {uuid.RFC_4122}
    assert len(set(made)) == 1000
    assert [text[:13] for text in made] == sorted(text[:13] for text in made)
