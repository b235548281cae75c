"""Airports near a place that will do as well."""

from __future__ import annotations

from services.flightdata.places import Place
from services.flightdata.places.geography import distance_km
from services.flightdata.places.lexicon import Lexicon

NEAR_KM = 150
"""What people drive to a cheaper flight."""
MOST_NEARBY = 3
LEAST_RANK = 0.02
"""Airports ranked lower have few flights to speak of."""


def nearby(lexicon: Lexicon, place: Place) -> tuple[str, ...]:
    """Codes of the busiest airports near a place that aren't its own."""
    here = lexicon.airport(place.airports[0])
    others = (
        airport
        for airport in lexicon.airports.values()
        if airport.rank >= LEAST_RANK and airport.code not in place.airports
    )
    near = [airport for airport in others if distance_km(here, airport) <= NEAR_KM]
    return tuple(
        airport.code
        for airport in sorted(near, key=lambda airport: (-airport.rank, airport.code))[:MOST_NEARBY]
    )
