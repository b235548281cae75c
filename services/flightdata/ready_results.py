"""What was worked out of an answer that is told again: filtered, ordered and named once."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Hashable
from dataclasses import dataclass
from datetime import datetime
from typing import Generic, TypeVar

from services.flightdata.providers import Found

T = TypeVar("T")
MOST = 256
"""Results that are held ready."""


@dataclass(frozen=True, slots=True)
class _Ready(Generic[T]):
    source: object
    until: datetime
    result: T


class ReadyResults(Generic[T]):
    """Results by question, for as long as they come from the same answer and nothing in it has left or expired."""

    def __init__(self) -> None:
        self._ready: OrderedDict[Hashable, _Ready[T]] = OrderedDict()

    def of(self, question: Hashable, source: Found, now: datetime, work_out: Callable[[], T]) -> T:
        """The result of a question to an answer."""
        known = self._ready.get(question)
        if known and known.source is source and now < known.until:
            self._ready.move_to_end(question)
            return known.result
        moments = [*(i.departure.at.utc for i in source.itineraries), *(offer.expires for offer in source.offers)]
        until = min((moment for moment in moments if moment > now), default=datetime.max.replace(tzinfo=now.tzinfo))
        result = work_out()
        self._ready[question] = _Ready(source, until, result)
        while len(self._ready) > MOST:
            self._ready.popitem(last=False)
        return result
