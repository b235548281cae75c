"""Sides are compared fairly: in turns, within rounds, with medians and ranges."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bench.transcript_log.interleaved_rounds import Rounds, Spread, interleaved, percentile, slope

pytestmark = pytest.mark.unit

FINITE = st.floats(min_value=1e-6, max_value=1e9)


class Recorded:
    """Sides that record the order of their runs, and return given results."""

    def __init__(self, **values: list[float]) -> None:
        self.order: list[str] = []
        self._values = {name: iter(given) for name, given in values.items()}

    def arms(self) -> dict[str, Callable[[], Awaitable[float]]]:
        return {name: self._arm(name) for name in self._values}

    def _arm(self, name: str) -> Callable[[], Awaitable[float]]:
        async def arm() -> float:
            self.order.append(name)
            return next(self._values[name])

        return arm


async def test_two_sides_run_abba_after_a_warm_up() -> None:
    recorded = Recorded(a=[0, 1, 2, 3, 4], b=[0, 1, 2, 3, 4])
    await interleaved(recorded.arms(), 2)
    assert "".join(recorded.order) == "ab" + "abba" * 2


async def test_three_sides_run_there_and_back_again() -> None:
    recorded = Recorded(a=[0] * 3, b=[0] * 3, c=[0] * 3)
    await interleaved(recorded.arms(), 1)
    assert "".join(recorded.order) == "abc" + "abccba"


async def test_warm_up_is_thrown_away() -> None:
    rounds = await interleaved(Recorded(a=[1000, 1, 2, 3, 4]).arms(), 2)
    assert rounds.samples("a") == [1, 2, 3, 4]


async def test_every_run_is_reported_including_warm_ups() -> None:
    heard: list[None] = []
    await interleaved(Recorded(a=[0] * 7, b=[0] * 7).arms(), 3, done=lambda: heard.append(None))
    assert len(heard) == 2 + 3 * 4


async def test_a_drift_affects_all_sides_alike() -> None:
    # A machine that gets slower all the time would favour a side that always goes first.
    clock = iter(range(100))

    async def drifting() -> float:
        return 100.0 + next(clock)

    rounds = await interleaved({"a": drifting, "b": drifting}, 5)
    assert rounds.ratio("a", "b", float) == Spread(1.0, 1.0, 1.0)


async def test_a_failing_side_ends_the_comparison() -> None:
    async def failing() -> float:
        raise ConnectionError

    with pytest.raises(ConnectionError):
        await interleaved({"a": failing}, 1)


def test_ratios_are_taken_within_a_round() -> None:
    # In the second round everything took twice as long, for both sides.
    rounds = Rounds([{"a": (10.0, 10.0), "b": (5.0, 5.0)}, {"a": (20.0, 20.0), "b": (10.0, 10.0)}])
    assert rounds.ratio("a", "b", float) == Spread(2.0, 2.0, 2.0)


def test_ratio_is_of_the_means_of_both_ways() -> None:
    rounds = Rounds([{"a": (10.0, 30.0), "b": (4.0, 6.0)}])
    assert rounds.ratio("a", "b", float).median == 4.0


def test_a_formula_sees_one_round_at_a_time() -> None:
    rounds = Rounds(
        [
            {"a": (9.0, 9.0), "b": (1.0, 1.0), "c": (2.0, 2.0)},
            {"a": (8.0, 8.0), "b": (2.0, 2.0), "c": (2.0, 2.0)},
        ]
    )
    spread = rounds.combined(lambda of: of("a", float) / (of("b", float) + of("c", float)))
    assert spread == Spread(2.5, 2.0, 3.0)


def test_a_side_has_median_and_range_of_its_rounds() -> None:
    rounds = Rounds([{"a": (1.0, 3.0)}, {"a": (10.0, 10.0)}, {"a": (3.0, 5.0)}])
    assert rounds.of("a", float) == Spread(4.0, 2.0, 10.0)


def test_measures_pick_what_is_compared() -> None:
    rounds = Rounds([{"a": ((1.0, 50.0), (3.0, 50.0))}])
    assert rounds.of("a", lambda run: run[0]).median == 2.0
    assert rounds.of("a", lambda run: run[1]).median == 50.0


@given(st.lists(FINITE, min_size=1))
def test_a_median_lies_in_its_range(values: list[float]) -> None:
    spread = Spread.of(values)
    assert spread.least <= spread.median <= spread.most
    assert {spread.least, spread.most} <= set(values)


@given(st.lists(FINITE, min_size=1), st.floats(0, 100))
def test_a_percentile_lies_between_least_and_most(values: list[float], percent: float) -> None:
    found = percentile(values, percent)
    assert min(values) <= found * (1 + 1e-12)
    assert found <= max(values) * (1 + 1e-12)


@given(st.lists(FINITE, min_size=1))
def test_percentiles_grow(values: list[float]) -> None:
    found = [percentile(values, percent) for percent in (0, 25, 50, 75, 99, 100)]
    assert all(later >= earlier * (1 - 1e-12) for earlier, later in pairwise(found))
    assert (found[0], found[-1]) == (min(values), max(values))


@pytest.mark.parametrize(("percent", "expected"), [(0, 1.0), (50, 3.0), (75, 4.0), (90, 4.6), (100, 5.0)])
def test_percentiles_are_interpolated_between_neighbours(percent: float, expected: float) -> None:
    assert percentile([5.0, 1.0, 4.0, 2.0, 3.0], percent) == pytest.approx(expected)


def test_one_value_is_every_percentile_of_itself() -> None:
    assert [percentile([7.0], percent) for percent in (0, 50, 99, 100)] == [7.0] * 4


@given(st.floats(-1000, 1000), st.floats(-1000, 1000))
def test_slope_of_a_straight_line_is_its_own(gradient: float, offset: float) -> None:
    assert slope([(x, gradient * x + offset) for x in (500, 2000, 5000)]) == pytest.approx(gradient, abs=1e-6)
