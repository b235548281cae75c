"""Flow control: compression for slow links, and an end to watches that are read too slowly."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from services.conversation.watch.flow_control import (
    SLOW_BYTES_A_SECOND,
    WORTH_COMPRESSING,
    FlowControl,
    takes_gzip,
)
from tests.simulated_clock import SimulatedClock

pytestmark = pytest.mark.unit

BIG = 10 * WORTH_COMPRESSING


@pytest.fixture
def clock() -> SimulatedClock:
    return SimulatedClock(datetime(2026, 11, 23, 12, tzinfo=UTC))


@pytest.fixture
def link(clock: SimulatedClock) -> FlowControl:
    return FlowControl(clock, patience=30, computing=lambda: 0.0)


def test_first_batch_is_compressed_and_small_messages_never_are(link: FlowControl) -> None:
    assert not link.send(WORTH_COMPRESSING - 1)
    assert link.send(WORTH_COMPRESSING)


def test_fast_link_gets_plain_batches_and_a_slow_one_compressed_ones(
    link: FlowControl, clock: SimulatedClock
) -> None:
    link.send(BIG)
    assert not link.is_too_slow()
    assert not link.send(BIG), "it took no time"
    clock.advance(2 * BIG / SLOW_BYTES_A_SECOND)
    assert not link.is_too_slow()
    assert link.send(BIG)


def test_time_spent_compressing_does_not_count_against_the_link(clock: SimulatedClock) -> None:
    computed = 0.0
    link = FlowControl(clock, patience=30, computing=lambda: computed)
    assert link.send(BIG)
    clock.advance(1)
    computed = 1.0
    assert not link.is_too_slow()
    assert not link.send(BIG), "a busy server would deflate the more, the busier it is"
    clock.advance(1)
    link.is_too_slow()
    assert link.send(BIG), "this time it computed nothing, and waited"


def test_small_message_does_not_measure_the_link(link: FlowControl, clock: SimulatedClock) -> None:
    link.send(BIG)
    link.is_too_slow()
    link.send(10)
    clock.advance(1)
    link.is_too_slow()
    assert not link.send(BIG)


def test_watcher_that_has_caught_up_gets_plain_messages_until_its_link_is_slow(
    link: FlowControl, clock: SimulatedClock
) -> None:
    link.caught_up()
    assert not link.send(BIG)
    clock.advance(1)
    link.is_too_slow()
    assert link.send(BIG)


def test_message_unread_for_too_long_makes_the_watcher_too_slow(
    link: FlowControl, clock: SimulatedClock
) -> None:
    link.send(10)
    clock.advance(30)
    assert not link.is_too_slow()
    link.send(10)
    clock.advance(30.1)
    assert link.is_too_slow()


@pytest.mark.parametrize(
    ("agent", "takes"),
    [
        ("grpc-python-asyncio/1.85.1 grpc-c/58.0.0 (linux; chttp2)", True),
        ("grpc-java-netty/1.70.0", True),
        ("grpc-node-js/1.12.0", True),
        ("connect-es/2.0.0", True),
        ("grpc-go/1.70.0", False),
        ("curl/8.0", False),
        (b"grpc-c/", False),
        ("", False),
    ],
)
def test_only_clients_that_take_gzip_by_default_get_it(agent: str | bytes, takes: bool) -> None:
    assert takes_gzip([("x", "y"), ("user-agent", agent)]) is takes


def test_client_without_user_agent_gets_plain_messages() -> None:
    assert not takes_gzip([])
