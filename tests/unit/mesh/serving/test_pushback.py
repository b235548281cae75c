"""A caller's channel is told not to retry what won't be better in a moment."""

from __future__ import annotations

from datetime import timedelta

import pytest

from mesh.errors import DomainError, StoreUnavailable, Unavailable
from mesh.serving.inbound_call import MAX_WAIT_FOR_RETRIES, PUSHBACK, _pushback

pytestmark = pytest.mark.unit


@pytest.mark.parametrize(
    "error", [StoreUnavailable(), Unavailable("away"), DomainError("no"), ZeroDivisionError()]
)
def test_what_may_be_over_soon_is_left_to_the_channel(error: Exception) -> None:
    assert _pushback(error) == ()


def test_what_lasts_is_not_retried() -> None:
    assert _pushback(DomainError("down", retry_after=MAX_WAIT_FOR_RETRIES + timedelta(seconds=1))) == (
        (PUSHBACK, "-1"),
    )
