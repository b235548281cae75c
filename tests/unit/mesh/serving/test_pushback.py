"""Errors that last longer than a channel's retries stop those retries."""

from __future__ import annotations

from datetime import timedelta

import pytest

from mesh.errors import DomainError, StoreUnavailable, Unavailable
from mesh.serving.inbound_call import MAX_WAIT_FOR_RETRIES, PUSHBACK, _pushback

pytestmark = pytest.mark.unit


@pytest.mark.parametrize(
    "error", [StoreUnavailable(), Unavailable("away"), DomainError("no"), ZeroDivisionError()]
)
def test_short_waits_are_left_to_the_channels_retries(error: Exception) -> None:
    assert _pushback(error) == ()


def test_long_waits_are_not_retried() -> None:
    assert _pushback(DomainError("down", retry_after=MAX_WAIT_FOR_RETRIES + timedelta(seconds=1))) == (
        (PUSHBACK, "-1"),
    )
