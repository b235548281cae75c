"""Estimated emissions of a flight, from its distance and cabin.

The government of the United Kingdom publishes the factors. They apply to each passenger-kilometre of the
great-circle distance, and include detours and the effects of altitude ("radiative forcing"). The emissions
of a real aircraft can differ, so clients must call the figure an estimate.
"""

from __future__ import annotations

from collections.abc import Iterable

from services.flightdata.model.fares import Cabin

SOURCE = (
    "estimate by distance and cabin, UK government (DESNZ) conversion factors 2024 with radiative forcing"
)
SHORT_KM, LONG_KM = 700, 3700
"""Least distance of a short-haul and of a long-haul flight. Shorter flights count as domestic."""
DOMESTIC = 0.27257
SHORT_HAUL = {
    Cabin.ECONOMY: 0.18287,
    Cabin.PREMIUM_ECONOMY: 0.18287,
    Cabin.BUSINESS: 0.27430,
    Cabin.FIRST: 0.27430,
}
LONG_HAUL = {
    Cabin.ECONOMY: 0.20011,
    Cabin.PREMIUM_ECONOMY: 0.32016,
    Cabin.BUSINESS: 0.58029,
    Cabin.FIRST: 0.80040,
}
"""Kilograms of CO2 equivalent for each passenger-kilometre. Below `SHORT_KM` all cabins are equal."""


def estimated_grams(flights_km: Iterable[float], cabin: Cabin) -> int:
    """Return the CO2 equivalent in grams for one passenger. `flights_km` holds each flight's distance."""
    return round(sum(1000 * kilometres * _factor(kilometres, cabin) for kilometres in flights_km))


def _factor(kilometres: float, cabin: Cabin) -> float:
    if kilometres < SHORT_KM:
        return DOMESTIC
    return (SHORT_HAUL if kilometres < LONG_KM else LONG_HAUL)[cabin]
