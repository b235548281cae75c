"""Failpoints: off they do nothing, on they do what was asked at the right time, in production they are refused."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator

import pytest

from mesh.failpoints import FailpointReached, failpoint, set_failpoints
from mesh.settings import ConfigurationError

pytestmark = pytest.mark.unit


@pytest.fixture(autouse=True)
def _off_again() -> Iterator[None]:
    yield
    set_failpoints("", environment="development")


@pytest.fixture
def sent(monkeypatch: pytest.MonkeyPatch) -> list[signal.Signals]:
    """The signals that the process sends to itself."""
    signals: list[signal.Signals] = []

    def kill(pid: int, number: signal.Signals) -> None:
        assert pid == os.getpid()
        signals.append(number)

    monkeypatch.setattr(os, "kill", kill)
    return signals


async def test_point_that_is_not_set_does_nothing() -> None:
    await failpoint("somewhere")
    set_failpoints("elsewhere=fail", environment="development")
    await failpoint("somewhere")


async def test_point_fails_the_first_time_and_not_again() -> None:
    set_failpoints("somewhere=fail", environment="development")
    with pytest.raises(FailpointReached, match="somewhere"):
        await failpoint("somewhere")
    await failpoint("somewhere")


async def test_process_is_killed_at_the_time_that_was_asked_for(sent: list[signal.Signals]) -> None:
    set_failpoints("somewhere=kill@3, elsewhere=stop@1", environment="development")
    for _ in range(2):
        await failpoint("somewhere")
    assert sent == []
    await failpoint("somewhere")
    await failpoint("elsewhere")
    assert sent == [signal.SIGKILL, signal.SIGSTOP]


async def test_point_that_takes_longer_does_so_each_time_from_then_on(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    slept: list[float] = []

    async def sleep(seconds: float) -> None:
        slept.append(seconds)

    monkeypatch.setattr("mesh.failpoints.asyncio.sleep", sleep)
    set_failpoints("somewhere=sleep:0.25@2", environment="development")
    for _ in range(3):
        await failpoint("somewhere")
    assert slept == [0.25, 0.25]


async def test_setting_points_anew_forgets_the_old_ones_and_counts_from_the_start() -> None:
    set_failpoints("somewhere=fail@2", environment="development")
    await failpoint("somewhere")
    set_failpoints("somewhere=fail@2", environment="development")
    await failpoint("somewhere")
    with pytest.raises(FailpointReached):
        await failpoint("somewhere")


def test_production_refuses_any_and_bears_none() -> None:
    set_failpoints("", environment="production")
    with pytest.raises(ConfigurationError, match="production"):
        set_failpoints("somewhere=kill", environment="production")


@pytest.mark.parametrize(
    "text",
    ["somewhere", "somewhere=explode", "=kill", "somewhere=kill@soon", "somewhere=sleep", "somewhere=kill:3"],
)
def test_what_is_no_list_of_failpoints_is_refused(text: str) -> None:
    with pytest.raises(ConfigurationError):
        set_failpoints(text, environment="development")
