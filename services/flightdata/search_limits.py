"""What a search left out, or could not do as asked: told with the answer, so that nobody takes a part for the whole."""

from __future__ import annotations

from enum import Enum


class Limit(Enum):
    """One such thing."""

    RESULTS = "results"
    """More fit than were asked for."""
    CONNECTIONS = "connections"
    """Connections were built for the busiest airports of the two places only."""
    DAYS = "days"
    """Some of the days near the one asked for can't be flown on."""
    FLEXIBLE_LEGS = "flexible legs"
    """The day of a journey of several legs was not moved."""
    JOURNEYS = "journeys"
    """Of the ways to put legs together, the best of each leg were tried only."""
    BAGS = "bags"
    """Nobody says what bags cost; fares are without."""
    PART = "part"
    """The provider was asked for a part only: the busiest airports of a city, or the beginning of a long listing."""
