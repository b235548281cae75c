"""Flights about a time of day, on the clock where they leave."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import time

from agent.dialogue.tools import Itinerary
from agent.language.en.clock_times import TimeWindow

_DAY = 24 * 60


def middle(window: TimeWindow) -> time | None:
    """The time of day that a window is about: between both ends, over midnight too, or the end it has."""
    if window.start is None or window.end is None:
        return window.start or window.end
    start = _minutes(window.start)
    minutes = (start + (_minutes(window.end) - start) % _DAY // 2) % _DAY
    return time(minutes // 60, minutes % 60)


def nearest_first(itineraries: Iterable[Itinerary], window: TimeWindow) -> list[Itinerary]:
    """Those that leave in a window, nearest to its middle first; in their order when it is open at both ends."""
    about = middle(window)
    leaving = [itinerary for itinerary in itineraries if _holds(window, itinerary.departure.local.time())]
    return (
        sorted(leaving, key=lambda itinerary: _apart(itinerary.departure.local.time(), about))
        if about
        else leaving
    )


def _holds(window: TimeWindow, moment: time) -> bool:
    since, until = window.start or time(), window.end
    if until is None:
        return moment >= since
    return since <= moment < until if since <= until else moment >= since or moment < until


def _apart(one: time, other: time) -> int:
    """Minutes between two times of day, the short way round."""
    apart = (_minutes(one) - _minutes(other)) % _DAY
    return min(apart, _DAY - apart)


def _minutes(moment: time) -> int:
    return moment.hour * 60 + moment.minute
