"""The cache of log states: states become stale, are merged, and are bounded."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import pytest
from readback.conversation.v1 import conversation_service_pb2 as pb

from services.conversation.log.state_cache import StateCache
from services.conversation.model.feeds import FeedEnd
from services.conversation.model.log_state import LOG_WEIGHT, RECOGNISED, CustomerState, LogState
from services.conversation.model.records import Call, Conversation

if TYPE_CHECKING:
    from tests.unit.conversation.core import Core

pytestmark = pytest.mark.unit

NOW = datetime(2026, 11, 23, tzinfo=UTC)


def a_log(name: str, entries: int = 0) -> LogState:
    conversation = Conversation(
        1, name, "customer", "", "en-IN", pb.CONVERSATION_STATE_ACTIVE, NOW, NOW, None, None, entries
    )
    return LogState(
        conversation,
        entries,
        0,
        "",
        None,
        {bytes([number % 256, number // 256]): (number, 0) for number in range(entries)},
    )


@pytest.fixture
async def call(core: Core) -> Call:
    return await core.call()


def a_state(call: Call, customer_id: str, version: int, *names: str, entries: int = 0) -> CustomerState:
    calls = {f"call in {name}": replace(call, call_id=f"call in {name}") for name in names}
    return CustomerState(
        customer_id, FeedEnd(version, 0), None, {name: a_log(name, entries) for name in names}, calls
    )


async def test_states_of_the_same_version_are_merged(call: Call) -> None:
    states = StateCache()
    states.merge(a_state(call, "one", 4, "a", "b"))
    states.merge(a_state(call, "one", 4, "c"))
    for name in "abc":
        known = states.fresh(f"call in {name}")
        assert known is not None
        assert set(known.logs) == {"a", "b", "c"}


async def test_state_of_an_earlier_version_is_kept_as_former(call: Call) -> None:
    states = StateCache()
    states.merge(a_state(call, "one", 4, "a", "b", entries=3))
    states.merge(a_state(call, "one", 5, "b"))
    assert states.fresh("call in a") is None
    known = states.fresh("call in b")
    assert known is not None
    assert set(known.logs) == {"b"}
    assert len(known.former["a"].known) == 3


async def test_stale_state_is_not_fresh_until_it_is_read_again(call: Call) -> None:
    states = StateCache()
    states.merge(a_state(call, "one", 4, "a"))
    states.merge(a_state(call, "other", 1, "x"))
    states.mark_stale("one")
    states.mark_stale("unknown")
    assert states.fresh("call in a") is None
    assert states.of_call("call in a") is not None
    assert states.fresh("call in x") is not None
    states.merge(a_state(call, "one", 4, "a"))
    assert states.fresh("call in a") is not None


async def test_least_recently_written_state_is_evicted_first(call: Call) -> None:
    states = StateCache(capacity=3 * (LOG_WEIGHT + 10))
    for number in range(5):
        states.merge(a_state(call, f"customer {number}", 1, f"log {number}", entries=10))
        states.put(states.fresh("call in log 0") or a_state(call, "customer 0", 1, "log 0", entries=10))
    assert [number for number in range(5) if states.fresh(f"call in log {number}")] == [0, 3, 4]


async def test_log_larger_than_the_capacity_is_cached_nevertheless(call: Call) -> None:
    states = StateCache(capacity=5)
    states.merge(a_state(call, "one", 1, "a", entries=100))
    assert states.fresh("call in a") is not None


async def test_ended_calls_leave_nothing_in_the_cache(call: Call) -> None:
    states = StateCache()
    for version in range(50):
        states.merge(a_state(call, "one", version, f"log {version}"))
    assert states.of_call("call in log 0") is None
    assert len(states._customer_of) == 1


def test_only_the_last_entries_of_a_long_log_are_recognised() -> None:
    log = a_log("a", 2 * RECOGNISED + 1)
    log.trim()
    assert [number for number, _ in log.known.values()] == list(range(RECOGNISED + 1, 2 * RECOGNISED + 1))
