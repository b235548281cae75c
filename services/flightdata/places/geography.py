"""Distances, block times, and nearby airports."""

from __future__ import annotations

import math
from functools import lru_cache

from services.flightdata.places import Airport, Place
from services.flightdata.places.lexicon import LEAST_RANK, Lexicon

EARTH_RADIUS_KM = 6371.0
CRUISE_KMH = 850.0
GROUND_MINUTES = 40
"""Time for taxi, climb and descent. With it, block times differ at most about 10 % from published ones."""
WIND = 0.05
"""Share of the speed that the jet stream adds eastbound and subtracts westbound, outside the tropics."""
TROPIC = 20.0
ROUND_MINUTES = 5
NEAR_KM = 150
"""Maximum distance to a nearby airport."""
MOST_NEARBY = 3


def distance_km(one: Airport, other: Airport) -> float:
    """Return the great-circle distance in kilometres."""
    a, b = math.radians(one.latitude), math.radians(other.latitude)
    across = math.radians(other.longitude - one.longitude) / 2
    haversine = math.sin((b - a) / 2) ** 2 + math.cos(a) * math.cos(b) * math.sin(across) ** 2
    return 2 * EARTH_RADIUS_KM * math.asin(min(1.0, math.sqrt(haversine)))


def block_minutes(origin: Airport, destination: Airport) -> int:
    """Return the estimated time from gate to gate (block time) in minutes, rounded to five minutes."""
    eastward = (destination.longitude - origin.longitude + 180) % 360 - 180
    windy = (abs(origin.latitude) + abs(destination.latitude)) / 2 > TROPIC
    wind = 1 + (WIND if windy and eastward > 0 else -WIND if windy else 0.0) * min(1.0, abs(eastward) / 30)
    minutes = GROUND_MINUTES + 60 * distance_km(origin, destination) / (CRUISE_KMH * wind)
    return max(45, ROUND_MINUTES * round(minutes / ROUND_MINUTES))


@lru_cache(maxsize=512)  # comparing with every airport takes milliseconds
def nearby(lexicon: Lexicon, place: Place) -> tuple[str, ...]:
    """Return the codes of the busiest airports near a place, except the place's own airports."""
    here = lexicon.airport(place.airports[0])
    near = [
        airport
        for airport in lexicon.airports.values()
        if airport.rank >= LEAST_RANK
        and airport.code not in place.airports
        and distance_km(here, airport) <= NEAR_KM
    ]
    near.sort(key=lambda airport: (-airport.rank, airport.code))
    return tuple(airport.code for airport in near[:MOST_NEARBY])
