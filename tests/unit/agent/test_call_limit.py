"""The limit of calls, counted from the moment they are accepted."""

import pytest

from agent.call_limit import CallLimit

pytestmark = pytest.mark.unit


class Clock:
    """A clock set by the test."""

    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


def test_simultaneous_calls_are_counted_before_they_run() -> None:
    call_limit = CallLimit(2, Clock())
    assert [call_limit.admit(job, []) for job in ("a", "b", "c")] == [True, True, False]


def test_a_call_that_ended_makes_room() -> None:
    call_limit = CallLimit(1, Clock())
    assert call_limit.admit("a", [])
    assert not call_limit.admit("b", ["a"])
    assert call_limit.admit("c", [])


def test_a_running_call_is_counted_once() -> None:
    call_limit = CallLimit(2, Clock())
    assert call_limit.admit("a", [])
    assert call_limit.admit("b", ["a"])
    assert not call_limit.admit("c", ["a", "b"])


def test_an_accepted_call_that_never_starts_frees_its_place() -> None:
    clock = Clock()
    call_limit = CallLimit(1, clock)
    assert call_limit.admit("a", [])
    assert not call_limit.admit("b", [])
    clock.now += 20
    assert call_limit.admit("b", [])
