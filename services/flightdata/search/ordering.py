"""Order of itineraries and of journeys."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from datetime import timedelta
from decimal import Decimal

from services.flightdata.model.flights import Itinerary
from services.flightdata.model.queries import Sort
from services.flightdata.model.search_results import Journey

STOP_WEIGHT = 0.35
"""Cost of a stop in `Sort.BEST`. There, price and duration are multiples of the lowest price and duration."""
UNPRICED = 1.5
"""Assumed price of an itinerary without a price, as a multiple of the lowest price."""
HOUR_WEIGHT = 0.05
"""Cost of an hour of a journey whose legs are sold together."""

Key = Callable[[Itinerary], tuple[object, ...]]
JourneyKey = Callable[[Journey], tuple[object, ...]]

_ORDERS: dict[Sort, Key] = {
    Sort.EARLIEST: lambda i: (i.departure.time, i.id),
    Sort.LATEST: lambda i: (-i.departure.time.timestamp(), i.id),
    Sort.ARRIVAL: lambda i: (i.arrival.time, i.id),
    Sort.FASTEST: lambda i: (i.duration, i.departure.time, i.id),
    Sort.CHEAPEST: lambda i: (i.fare is None, i.fare.total.amount if i.fare else 0, i.departure.time, i.id),
}


def ordered(itineraries: Iterable[Itinerary], sort: Sort) -> list[Itinerary]:
    """Return itineraries sorted by `sort`, in a stable order, with sold-out itineraries last."""
    found = list(itineraries)
    key = _best(found) if sort is Sort.BEST else _ORDERS[sort]
    return sorted(found, key=lambda itinerary: (itinerary.sold_out, key(itinerary)))


def _best(found: list[Itinerary]) -> Key:
    """Return a sort key: the sum of relative price, relative duration and a fixed cost for each stop."""
    lowest = min((i.fare.total.amount for i in found if i.fare), default=Decimal())
    shortest = max(min((i.duration for i in found), default=timedelta()), timedelta(minutes=1))

    def cost(itinerary: Itinerary) -> tuple[object, ...]:
        price = float(itinerary.fare.total.amount / lowest) if itinerary.fare and lowest else UNPRICED
        weight = price + itinerary.duration / shortest + STOP_WEIGHT * (len(itinerary.segments) - 1)
        return weight, itinerary.departure.time, itinerary.id

    return cost


def in_order(journeys: Sequence[Journey], legs: Sequence[Sequence[Itinerary]], sort: Sort) -> list[Journey]:
    """Sort journeys whose legs are sold together. The itineraries of each leg are already sorted."""
    if sort is not Sort.BEST:
        return sorted(journeys, key=journey_order(sort, legs))
    # Only the whole journey has a price, so the order of the itineraries in each leg ignores prices.
    lowest = min((journey.fare.total.amount for journey in journeys if journey.fare), default=Decimal(0))
    return sorted(journeys, key=lambda journey: (journey.sold_out, _weight(journey, lowest)))


def _weight(journey: Journey, lowest: Decimal) -> float:
    hours = _duration(journey) / timedelta(hours=1)
    stops = sum(len(itinerary.segments) - 1 for itinerary in journey.itineraries)
    price = float(journey.fare.total.amount / lowest) if journey.fare and lowest else UNPRICED
    return price + hours * HOUR_WEIGHT + stops * STOP_WEIGHT


def _duration(journey: Journey) -> timedelta:
    return sum((itinerary.duration for itinerary in journey.itineraries), timedelta())


def journey_order(sort: Sort, legs: Sequence[Sequence[Itinerary]]) -> JourneyKey:
    """Return a sort key for journeys. The itineraries of each leg are already sorted by `sort`."""
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
