"""What a flight does to the climate, estimated from its distance and cabin.

Factors are those the United Kingdom's government publishes for passenger-kilometres along the great circle, detour and the effects of
height ("radiative forcing") included. A real aircraft, full or empty, does better or worse; so the number is always told as an estimate.
"""

from __future__ import annotations

from dataclasses import dataclass

from services.flightdata.model.fares import Cabin

SOURCE = (
    "estimate by distance and cabin, UK government (DESNZ) conversion factors 2024 with radiative forcing"
)
SHORT_KM, LONG_KM = 700, 3700
"""From here a flight counts as short-haul rather than domestic, and as long-haul."""
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
"""Kilograms of CO2 equivalent a passenger-kilometre. Below `SHORT_KM` cabins are not told apart."""


@dataclass(frozen=True, slots=True)
class Emissions:
    """Grams of CO2 equivalent for one passenger, and by whose factors."""

    grams: int
    source: str


def estimated(flights_km: list[float], cabin: Cabin) -> Emissions:
    """The emissions of flights of these distances, one after the other."""
    return Emissions(round(sum(1000 * km * _factor(km, cabin) for km in flights_km)), SOURCE)


def _factor(kilometres: float, cabin: Cabin) -> float:
    if kilometres < SHORT_KM:
        return DOMESTIC
    return (SHORT_HAUL if kilometres < LONG_KM else LONG_HAUL)[cabin]
