"""Failpoints act at their visit, do nothing when unset, and are refused in production."""

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


async def test_an_unset_failpoint_does_nothing() -> None:
    await failpoint("somewhere")
    set_failpoints("elsewhere=fail", environment="development")
    await failpoint("somewhere")


async def test_a_failpoint_fails_the_first_time_only() -> None:
    set_failpoints("somewhere=fail", environment="development")
    with pytest.raises(FailpointReached, match="somewhere"):
        await failpoint("somewhere")
    await failpoint("somewhere")


async def test_the_process_is_killed_at_the_given_visit(sent: list[signal.Signals]) -> None:
    set_failpoints("somewhere=kill@3, elsewhere=stop@1", environment="development")
    for _ in range(2):
        await failpoint("somewhere")
    assert sent == []
    await failpoint("somewhere")
    await failpoint("elsewhere")
    assert sent == [signal.SIGKILL, signal.SIGSTOP]


async def test_a_sleeping_failpoint_sleeps_every_time_from_its_visit(
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


async def test_setting_failpoints_replaces_them_and_resets_the_counts() -> None:
    set_failpoints("somewhere=fail@2", environment="development")
    await failpoint("somewhere")
    set_failpoints("somewhere=fail@2", environment="development")
    await failpoint("somewhere")
    with pytest.raises(FailpointReached):
        await failpoint("somewhere")


def test_production_accepts_no_failpoints() -> None:
    set_failpoints("", environment="production")
    with pytest.raises(ConfigurationError, match="production"):
        set_failpoints("somewhere=kill", environment="production")


@pytest.mark.parametrize(
    "text",
    ["somewhere", "somewhere=explode", "=kill", "somewhere=kill@soon", "somewhere=sleep", "somewhere=kill:3"],
)
def test_malformed_failpoints_are_refused(text: str) -> None:
    with pytest.raises(ConfigurationError):
        set_failpoints(text, environment="development")
