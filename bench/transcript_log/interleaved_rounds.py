"""Comparing sides fairly: they take turns, A B B A, so that whatever else the machine does befalls each alike; ratios are taken within
a round, and of the rounds the median and the range are told.
"""

from __future__ import annotations

import statistics
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Spread:
    """What several rounds gave."""

    median: float
    least: float
    most: float

    @classmethod
    def of(cls, values: Iterable[float]) -> Spread:
        """The spread of at least one value."""
        found = sorted(values)
        return cls(statistics.median(found), found[0], found[-1])


def percentile(values: Sequence[float], percent: float) -> float:
    """The value below which so many per cent lie, by linear interpolation between neighbours (type 7 of Hyndman and Fan)."""
    found = sorted(values)
    place = (len(found) - 1) * percent / 100
    low = int(place)
    high = min(low + 1, len(found) - 1)
    return found[low] + (found[high] - found[low]) * (place - low)


def slope(points: Iterable[tuple[float, float]]) -> float:
    """How much y grows with x, by least squares."""
    xs, ys = zip(*points, strict=True)
    return statistics.linear_regression(xs, ys).slope


@dataclass(frozen=True, slots=True)
class Rounds(Generic[T]):
    """What each arm gave in each round: twice, once on the way there and once on the way back."""

    rounds: Sequence[Mapping[str, tuple[T, T]]]

    def of(self, arm: str, measure: Callable[[T], float]) -> Spread:
        """An arm's own figure, over the rounds."""
        return Spread.of(self._each(arm, measure))

    def ratio(self, above: str, below: str, measure: Callable[[T], float]) -> Spread:
        """One arm's figure over another's, round by round."""
        return self.combined(lambda figure: figure(above, measure) / figure(below, measure))

    def combined(self, formula: Callable[[Callable[[str, Callable[[T], float]], float]], float]) -> Spread:
        """Any formula over the arms' figures, reckoned in each round by itself; `formula` is given a way to ask for them."""
        return Spread.of(
            formula(lambda arm, measure, index=index: self._each(arm, measure)[index])  # type: ignore[misc]  # the default binds the loop's value
            for index in range(len(self.rounds))
        )

    def samples(self, arm: str) -> list[T]:
        """All that an arm gave."""
        return [sample for each in self.rounds for sample in each[arm]]

    def _each(self, arm: str, measure: Callable[[T], float]) -> list[float]:
        return [statistics.fmean(map(measure, each[arm])) for each in self.rounds]


async def interleaved(
    arms: Mapping[str, Callable[[], Awaitable[T]]],
    rounds: int,
    *,
    done: Callable[[], None] = lambda: None,
    warm_ups: int = 1,
) -> Rounds[T]:
    """Runs the arms in order and back again, so many rounds, after warm-ups whose results are thrown away. `done` hears of every run."""
    for _ in range(warm_ups):
        for arm in arms.values():
            await arm()
            done()
    found = []
    for _ in range(rounds):
        given: dict[str, list[T]] = {name: [] for name in arms}
        for name in [*arms, *reversed(list(arms))]:
            given[name].append(await arms[name]())
            done()
        found.append({name: (there, back) for name, (there, back) in given.items()})
    return Rounds(found)
