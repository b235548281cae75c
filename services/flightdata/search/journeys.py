"""Journeys of several legs: one itinerary for each leg, combined so that every connection can be caught."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import timedelta
from decimal import Decimal

from services.flightdata.model.flights import Itinerary
from services.flightdata.model.queries import Sort
from services.flightdata.model.search_results import Journey, RoundTrip
from services.flightdata.search.ordering import STOP_WEIGHT, UNPRICED

EACH_LEG = 12
"""Itineraries of each leg that are combined: the best in the requested order."""
KEPT = 150
"""Partial journeys kept from leg to leg."""
BETWEEN_LEGS = timedelta(hours=1)
"""Least time between the arrival of one leg and the departure of the next."""
HOUR_WEIGHT = 0.05
"""Cost of an hour of travel, as a multiple of the lowest price."""

Key = Callable[[Journey], tuple[object, ...]]


def combined(legs: Sequence[Sequence[Itinerary]], sort: Sort) -> tuple[list[Journey], bool]:
    """Return journeys over legs that are sorted by `sort`, in that order, and whether some were skipped."""
    tried = [leg[:EACH_LEG] for leg in legs]
    cut = any(len(leg) > EACH_LEG for leg in legs)
    key = _key(sort, tried)
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
    """Return the round trips whose itineraries are both among the wanted ones, `legs` out and back."""
    out, back = ({itinerary.id: itinerary for itinerary in leg} for leg in legs)
    return [
        Journey((out[trip.out], back[trip.back]), trip.fare)
        for trip in trips
        if trip.out in out and trip.back in back
    ]


def in_order(journeys: Sequence[Journey], legs: Sequence[Sequence[Itinerary]], sort: Sort) -> list[Journey]:
    """Sort journeys that are sold together; `legs` are already sorted."""
    if sort is not Sort.BEST:
        return sorted(journeys, key=_key(sort, legs))
    # Only both ways together have a price, so the order of each leg ignores it.
    lowest = min((journey.fare.total.amount for journey in journeys if journey.fare), default=Decimal(0))
    return sorted(journeys, key=lambda journey: (journey.sold_out, _weight(journey, lowest)))


def _weight(journey: Journey, lowest: Decimal) -> float:
    hours = _duration(journey) / timedelta(hours=1)
    stops = sum(len(itinerary.segments) - 1 for itinerary in journey.itineraries)
    price = float(journey.fare.total.amount / lowest) if journey.fare and lowest else UNPRICED
    return price + hours * HOUR_WEIGHT + stops * STOP_WEIGHT


def _duration(journey: Journey) -> timedelta:
    return sum((itinerary.duration for itinerary in journey.itineraries), timedelta())


def _can_be_caught(journey: Journey, following: Itinerary) -> bool:
    if not journey.itineraries:
        return True
    return following.departure.at - journey.itineraries[-1].arrival.at >= BETWEEN_LEGS


def _key(sort: Sort, legs: Sequence[Sequence[Itinerary]]) -> Key:
    places = [{itinerary.id: place for place, itinerary in enumerate(leg)} for leg in legs]

    def ranks(journey: Journey) -> tuple[int, ...]:
        return tuple(
            ranked[itinerary.id] for ranked, itinerary in zip(places, journey.itineraries, strict=False)
        )

    def cheapest(journey: Journey) -> tuple[object, ...]:
        fare = journey.fare
        return journey.sold_out, fare is None, fare.total.amount if fare else 0, ranks(journey)

    def fastest(journey: Journey) -> tuple[object, ...]:
        return journey.sold_out, _duration(journey), ranks(journey)

    def best(journey: Journey) -> tuple[object, ...]:
        return journey.sold_out, sum(ranks(journey)), ranks(journey)

    def leg_by_leg(journey: Journey) -> tuple[object, ...]:
        return journey.sold_out, ranks(journey)

    return {Sort.CHEAPEST: cheapest, Sort.FASTEST: fastest, Sort.BEST: best}.get(sort, leg_by_leg)
