"""The order of results."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from datetime import timedelta
from decimal import Decimal

from services.flightdata.model.flights import Itinerary
from services.flightdata.model.queries import Sort

STOP_WEIGHT = 0.35
"""What a stop is worth beside time and money, each as a multiple of the least on offer."""
UNPRICED = 1.5
"""How an itinerary without a price counts among those with one."""

Key = Callable[[Itinerary], tuple[object, ...]]

_ORDERS: dict[Sort, Key] = {
    Sort.EARLIEST: lambda i: (i.departure.time, i.id),
    Sort.LATEST: lambda i: (-i.departure.time.timestamp(), i.id),
    Sort.ARRIVAL: lambda i: (i.arrival.time, i.id),
    Sort.FASTEST: lambda i: (i.duration, i.departure.time, i.id),
    Sort.CHEAPEST: lambda i: (i.fare is None, i.fare.total.amount if i.fare else 0, i.departure.time, i.id),
}


def ordered(itineraries: Iterable[Itinerary], sort: Sort) -> list[Itinerary]:
    """Itineraries in an order that is the same every time; what is sold out comes last."""
    found = list(itineraries)
    key = _best(found) if sort is Sort.BEST else _ORDERS[sort]
    return sorted(found, key=lambda itinerary: (itinerary.sold_out, key(itinerary)))


def _best(found: list[Itinerary]) -> Key:
    """Time and money weighed against the least on offer, and stops against neither."""
    least = min((i.fare.total.amount for i in found if i.fare), default=Decimal())
    shortest = max(min((i.duration for i in found), default=timedelta()), timedelta(minutes=1))

    def cost(itinerary: Itinerary) -> tuple[object, ...]:
        dear = float(itinerary.fare.total.amount / least) if itinerary.fare and least else UNPRICED
        weight = dear + itinerary.duration / shortest + STOP_WEIGHT * (len(itinerary.segments) - 1)
        return weight, itinerary.departure.time, itinerary.id

    return cost
