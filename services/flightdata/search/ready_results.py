"""What was worked out of an answer that is told again: filtered, ordered and named once."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Generic, TypeVar

from services.flightdata.model.found import Found

T = TypeVar("T")
MOST = 256
"""Results that are held ready."""


@dataclass(frozen=True, slots=True)
class _Ready(Generic[T]):
    sources: Sequence[Found]
    until: datetime
    result: T


class ReadyResults(Generic[T]):
    """Results by question, for as long as they come from the same answers and nothing in them has left or expired."""

    def __init__(self) -> None:
        self._ready: OrderedDict[Hashable, _Ready[T]] = OrderedDict()

    def of(self, question: Hashable, sources: Sequence[Found], now: datetime, work_out: Callable[[], T]) -> T:
        """The result of a question to some answers."""
        known = self._ready.get(question)
        if known and _same(known.sources, sources) and now < known.until:
            self._ready.move_to_end(question)
            return known.result
        moments = [i.departure.at.utc for source in sources for i in source.itineraries]
        moments += [offer.expires for source in sources for offer in source.offers]
        until = min(
            (moment for moment in moments if moment > now), default=datetime.max.replace(tzinfo=now.tzinfo)
        )
        result = work_out()
        self._ready[question] = _Ready(sources, until, result)
        while len(self._ready) > MOST:
            self._ready.popitem(last=False)
        return result


def _same(known: Sequence[Found], sources: Sequence[Found]) -> bool:
    """Whether the answers themselves are the same, which is known without reading them."""
    return len(known) == len(sources) and all(one is other for one, other in zip(known, sources, strict=True))
