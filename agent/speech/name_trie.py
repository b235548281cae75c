"""Trie of the tokens of names, with the bonus of each for a search by shallow fusion.

A name gets back a share of what the decoder's internal language model takes from it (internal language model
estimation, arXiv 2201.11627): without any audio, "Doha" has a log probability of -15 and "London" of -8. The
bonus is paid token by token, so that a name isn't pruned before its end. A node pays as much as the best name
below it. A search that leaves the name before its end loses the bonus.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import numpy.typing as npt

from agent.language.hearing import Expected
from agent.speech.known_names import Kind, Name, names_for
from agent.speech.moonshine_networks import Floats


@dataclass(frozen=True, slots=True)
class Bias:
    """Bonus of a kind of names, in natural logarithms.

    It is `-internal * log P + popularity * (popularity of the name - 1) - threshold`, where P is the name's
    probability without any audio.
    """

    internal: float
    popularity: float
    threshold: float

    def of(self, name: Name) -> tuple[float, ...]:
        """Return the bonus after each token of a name."""
        at_end = self.popularity * (name.popularity - 1) - self.threshold
        paid = np.cumsum([-self.internal * log_p for log_p in name.log_probabilities])
        return (*map(float, paid[:-1]), float(paid[-1]) + at_end)


BIASES: Mapping[Kind, Bias] = {
    Kind.PLACE: Bias(0.6, 2.0, 1.5),
    Kind.SPELLED: Bias(0.6, 2.0, 3.0),
    Kind.AIRLINE: Bias(0.6, 2.0, 2.0),
    Kind.FLIGHT_CODE: Bias(0.6, 2.0, 2.0),
    Kind.YES_NO: Bias(0.3, 0.0, 0.5),
}
"""Biases. That of places was measured (docs/benchmarks.md); the others are set by hand."""

OUTSIDE = 0
"""Node of a text that is in no name."""


@dataclass(frozen=True)
class Root:
    """First tokens of the names of one kind, each with its node and its bonus."""

    tokens: npt.NDArray[np.int64]
    nodes: npt.NDArray[np.int64]
    bonuses: Floats


class NameTrie:
    """Trie with one root for each kind of names. `bonuses` and `ended` have one entry for each node."""

    def __init__(self, names: Iterable[Name]) -> None:
        self.children: list[dict[int, int]] = [{}]
        self.bonuses: list[float] = [0.0]
        self.ended: list[tuple[float, Name] | None] = [None]
        """The name that ends at a node, and its bonus."""
        roots: dict[Kind, dict[int, int]] = {}
        for name in names:
            self._add(roots.setdefault(name.kind, {}), name)
        self.roots = {kind: self._root(children) for kind, children in roots.items()}

    def _add(self, children: dict[int, int], name: Name) -> None:
        bonuses, node = BIASES[name.kind].of(name), OUTSIDE
        for token, bonus in zip(name.tokens, bonuses, strict=True):
            node = children.setdefault(token, len(self.children))
            if node == len(self.children):
                self.children.append({})
                self.bonuses.append(bonus)
                self.ended.append(None)
            self.bonuses[node] = max(self.bonuses[node], bonus)
            children = self.children[node]
        ended = self.ended[node]
        if ended is None or ended[0] < bonuses[-1]:
            self.ended[node] = (bonuses[-1], name)

    def _root(self, children: Mapping[int, int]) -> Root:
        nodes = np.array([*children.values()], np.int64)
        return Root(np.array([*children], np.int64), nodes, np.array(self.bonuses, np.float32)[nodes])


@lru_cache(maxsize=16)
def trie_for(expected: Expected) -> NameTrie:
    """Return the trie of the names that an expected answer may contain."""
    return NameTrie(names_for(expected))
