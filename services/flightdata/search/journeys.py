"""Journeys of several legs: one itinerary for each leg, combined so that every connection can be caught."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta

from services.flightdata.model.flights import Itinerary
from services.flightdata.model.queries import Sort
from services.flightdata.model.search_results import Journey, RoundTrip
from services.flightdata.search.ordering import journey_order

EACH_LEG = 12
"""Number of itineraries combined for each leg: the first ones in the requested order."""
KEPT = 150
"""Number of partial journeys that are extended by the next leg."""
BETWEEN_LEGS = timedelta(hours=1)
"""Minimum time between the arrival of one leg and the departure of the next."""


def combined(legs: Sequence[Sequence[Itinerary]], sort: Sort) -> tuple[list[Journey], bool]:
    """Combine the itineraries of all legs into journeys. The itineraries of each leg are sorted by `sort`.

    Return the journeys, also sorted by `sort`, and whether some combinations were skipped.
    """
    tried = [leg[:EACH_LEG] for leg in legs]
    cut = any(len(leg) > EACH_LEG for leg in legs)
    key = journey_order(sort, tried)
    journeys = [Journey(())]
    for leg in tried:
        longer = [
            Journey((*journey.itineraries, itinerary))
            for journey in journeys
            for itinerary in leg
            if _can_be_caught(journey, itinerary)
        ]
        longer.sort(key=key)
        is_last = leg is tried[-1]
        cut |= len(longer) > KEPT and not is_last
        journeys = longer if is_last else longer[:KEPT]
    return journeys, cut


def sold_together(trips: Sequence[RoundTrip], legs: Sequence[Sequence[Itinerary]]) -> list[Journey]:
    """Return the round trips with wanted itineraries. `legs` are the wanted itineraries out and back."""
    out, back = ({itinerary.id: itinerary for itinerary in leg} for leg in legs)
    return [
        Journey((out[trip.out], back[trip.back]), trip.fare)
        for trip in trips
        if trip.out in out and trip.back in back
    ]


def _can_be_caught(journey: Journey, following: Itinerary) -> bool:
    if not journey.itineraries:
        return True
    return following.departure.at - journey.itineraries[-1].arrival.at >= BETWEEN_LEGS
