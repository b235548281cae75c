"""Admission: as many calls as the worker may hold, counted the moment they are accepted."""

import pytest

from agent.call_limit import Admission

pytestmark = pytest.mark.unit


class Clock:
    """Seconds that pass when told."""

    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


def test_calls_that_come_together_are_counted_before_they_run() -> None:
    admission = Admission(2, Clock())
    assert [admission.admit(job, []) for job in ("a", "b", "c")] == [True, True, False]


def test_a_call_that_ended_makes_room() -> None:
    admission = Admission(1, Clock())
    assert admission.admit("a", [])
    assert not admission.admit("b", ["a"])
    assert admission.admit("c", [])


def test_a_call_that_runs_is_counted_once() -> None:
    admission = Admission(2, Clock())
    assert admission.admit("a", [])
    assert admission.admit("b", ["a"])
    assert not admission.admit("c", ["a", "b"])


def test_a_call_that_was_accepted_and_never_came_blocks_nobody_for_long() -> None:
    clock = Clock()
    admission = Admission(1, clock)
    assert admission.admit("a", [])
    assert not admission.admit("b", [])
    clock.now += 20
    assert admission.admit("b", [])
