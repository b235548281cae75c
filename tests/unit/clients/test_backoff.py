"""Pauses between the attempts of reconnecting clients."""

from __future__ import annotations

from datetime import timedelta

import pytest
from readback_client.backoff import (
    LONGEST_ASKED_SECONDS,
    LONGEST_SECONDS,
    SHORTEST_SECONDS,
    Backoff,
)

pytestmark = pytest.mark.unit


def test_pauses_grow_to_a_limit_and_are_reset_by_a_success() -> None:
    backoff = Backoff()
    pauses = [backoff.pause() for _ in range(12)]
    assert SHORTEST_SECONDS / 2 <= pauses[0] <= SHORTEST_SECONDS
    assert all(LONGEST_SECONDS / 2 <= pause <= LONGEST_SECONDS for pause in pauses[-4:])
    backoff.reset()
    assert backoff.pause() <= SHORTEST_SECONDS


def test_requested_pause_is_added_up_to_a_limit() -> None:
    assert 2 < Backoff().pause(timedelta(seconds=2)) <= 2 + SHORTEST_SECONDS
    assert Backoff().pause(timedelta(minutes=1)) <= LONGEST_ASKED_SECONDS + SHORTEST_SECONDS
