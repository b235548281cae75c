"""How far it is and how long it takes."""

from __future__ import annotations

import math

from services.flightdata.places import Airport

EARTH_RADIUS_KM = 6371.0
CRUISE_KMH = 850.0
GROUND_MINUTES = 40
"""Taxi, climb and descent beside the cruise; with it block times agree with published ones within some ten percent."""
WIND = 0.05
"""How much the jet stream gives eastbound and takes westbound, between the tropics and the poles."""
TROPIC = 20.0
ROUND_MINUTES = 5


def distance_km(one: Airport, other: Airport) -> float:
    """Great-circle distance."""
    a, b = math.radians(one.latitude), math.radians(other.latitude)
    across = math.radians(other.longitude - one.longitude) / 2
    haversine = math.sin((b - a) / 2) ** 2 + math.cos(a) * math.cos(b) * math.sin(across) ** 2
    return 2 * EARTH_RADIUS_KM * math.asin(min(1.0, math.sqrt(haversine)))


def block_minutes(origin: Airport, destination: Airport) -> int:
    """Gate to gate, in steps of five minutes."""
    eastward = (destination.longitude - origin.longitude + 180) % 360 - 180
    windy = (abs(origin.latitude) + abs(destination.latitude)) / 2 > TROPIC
    wind = 1 + (WIND if windy and eastward > 0 else -WIND if windy else 0.0) * min(1.0, abs(eastward) / 30)
    minutes = GROUND_MINUTES + 60 * distance_km(origin, destination) / (CRUISE_KMH * wind)
    return max(45, ROUND_MINUTES * round(minutes / ROUND_MINUTES))
