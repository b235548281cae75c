"""Fair comparison of several sides: they run in the order A B B A, so that disturbances affect all alike.

Ratios are computed within a round. The result is their median and range over the rounds.
"""

from __future__ import annotations

import statistics
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Spread:
    """Median and range of several rounds."""

    median: float
    least: float
    most: float

    @classmethod
    def of(cls, values: Iterable[float]) -> Spread:
        """Return the spread of the values, of which there must be at least one."""
        found = sorted(values)
        return cls(statistics.median(found), found[0], found[-1])


def percentile(values: Sequence[float], percent: float) -> float:
    """Return a percentile by linear interpolation between neighbours (type 7 of Hyndman and Fan)."""
    found = sorted(values)
    place = (len(found) - 1) * percent / 100
    low = int(place)
    high = min(low + 1, len(found) - 1)
    return found[low] + (found[high] - found[low]) * (place - low)


def slope(points: Iterable[tuple[float, float]]) -> float:
    """Return the slope of the line through the points, by least squares."""
    xs, ys = zip(*points, strict=True)
    return statistics.linear_regression(xs, ys).slope


@dataclass(frozen=True, slots=True)
class Rounds(Generic[T]):
    """Results of each side in each round: one of the forward pass and one of the backward pass."""

    rounds: Sequence[Mapping[str, tuple[T, T]]]

    def of(self, side: str, measure: Callable[[T], float]) -> Spread:
        """Return the spread of one side's value over the rounds."""
        return Spread.of(self._per_round(side, measure))

    def ratio(self, above: str, below: str, measure: Callable[[T], float]) -> Spread:
        """Return the spread of the ratios of two sides, one for each round."""
        return self.combined(lambda value: value(above, measure) / value(below, measure))

    def combined(self, formula: Callable[[Callable[[str, Callable[[T], float]], float]], float]) -> Spread:
        """Return the spread of a formula evaluated in each round.

        `formula` gets a function that returns a side's value in that round.
        """
        return Spread.of(
            formula(lambda side, measure, index=index: self._per_round(side, measure)[index])  # type: ignore[misc]  # the default binds the loop's value
            for index in range(len(self.rounds))
        )

    def samples(self, side: str) -> list[T]:
        """Return all results of a side."""
        return [sample for each in self.rounds for sample in each[side]]

    def _per_round(self, side: str, measure: Callable[[T], float]) -> list[float]:
        return [statistics.fmean(map(measure, each[side])) for each in self.rounds]


async def interleaved(
    sides: Mapping[str, Callable[[], Awaitable[T]]],
    rounds: int,
    *,
    done: Callable[[], None] = lambda: None,
    warm_ups: int = 1,
) -> Rounds[T]:
    """Run the sides in order and then in reverse, for each round. Warm-up runs give no results.

    `done` is called after every run.
    """
    for run in [*sides.values()] * warm_ups:
        await run()
        done()
    found = []
    for _ in range(rounds):
        results: dict[str, list[T]] = {side: [] for side in sides}
        for side in [*sides, *reversed(list(sides))]:
            results[side].append(await sides[side]())
            done()
        found.append({side: (there, back) for side, (there, back) in results.items()})
    return Rounds(found)
