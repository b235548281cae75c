"""Limits of concurrent calls and of sizes."""

from __future__ import annotations

import pytest

from mesh.errors import Overloaded
from mesh.serving.limits import MAX_METADATA_BYTES, STRANGERS, Limiter, LimitSettings

pytestmark = pytest.mark.unit

SETTINGS = LimitSettings(
    unary=2, unary_per_caller=1, unary_of_strangers=2, streams=1, streams_per_caller=1, pending=7
)


def test_the_process_is_full_until_a_call_ends() -> None:
    limiter = Limiter(SETTINGS)
    for _ in range(2):
        limiter.enter(streaming=False)
    assert limiter.is_full(streaming=False)
    with pytest.raises(Overloaded) as refused:
        limiter.enter(streaming=False)
    assert refused.value.metadata == {"scope": "total"}
    assert refused.value.retry_after is not None
    limiter.leave(streaming=False)
    limiter.enter(streaming=False)
    assert limiter.running == 2


def test_streams_and_unary_calls_have_separate_limits() -> None:
    limiter = Limiter(SETTINGS)
    limiter.enter(streaming=True)
    assert limiter.is_full(streaming=True)
    assert not limiter.is_full(streaming=False)


def test_each_caller_has_its_own_limit() -> None:
    limiter = Limiter(SETTINGS)
    limiter.enter_caller("ada", streaming=False)
    with pytest.raises(Overloaded) as refused:
        limiter.enter_caller("ada", streaming=False)
    assert refused.value.metadata == {"scope": "caller"}
    limiter.enter_caller("bob", streaming=False)
    limiter.enter_caller("ada", streaming=True)
    limiter.leave_caller("ada", streaming=False)
    limiter.enter_caller("ada", streaming=False)


def test_strangers_have_a_limit_together() -> None:
    limiter = Limiter(SETTINGS)
    for _ in range(2):
        limiter.enter_caller(STRANGERS, streaming=False)
    with pytest.raises(Overloaded) as refused:
        limiter.enter_caller(STRANGERS, streaming=False)
    assert refused.value.metadata == {"scope": "total"}
    limiter.enter_caller("ada", streaming=False)


def test_callers_without_calls_are_forgotten() -> None:
    limiter = Limiter(SETTINGS)
    for number in range(100):
        limiter.enter_caller(f"caller {number}", streaming=False)
        limiter.leave_caller(f"caller {number}", streaming=False)
    assert not limiter._by_caller


def test_the_core_refuses_every_call_at_twice_the_pending_limit() -> None:
    arguments = dict(SETTINGS.channel_arguments(70_000))
    assert arguments["grpc.server.max_pending_requests"] == 7
    assert arguments["grpc.server.max_pending_requests_hard_limit"] == 14


def test_size_limits_are_set() -> None:
    arguments = dict(SETTINGS.channel_arguments(70_000))
    assert arguments["grpc.max_receive_message_length"] == 70_000
    assert arguments["grpc.max_metadata_size"] == MAX_METADATA_BYTES
