"""Order of itineraries."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from datetime import timedelta
from decimal import Decimal

from services.flightdata.model.flights import Itinerary
from services.flightdata.model.queries import Sort

STOP_WEIGHT = 0.35
"""Cost of a stop in `Sort.BEST`, where price and duration count as multiples of the lowest."""
UNPRICED = 1.5
"""Price, as such a multiple, of an itinerary without one."""

Key = Callable[[Itinerary], tuple[object, ...]]

_ORDERS: dict[Sort, Key] = {
    Sort.EARLIEST: lambda i: (i.departure.time, i.id),
    Sort.LATEST: lambda i: (-i.departure.time.timestamp(), i.id),
    Sort.ARRIVAL: lambda i: (i.arrival.time, i.id),
    Sort.FASTEST: lambda i: (i.duration, i.departure.time, i.id),
    Sort.CHEAPEST: lambda i: (i.fare is None, i.fare.total.amount if i.fare else 0, i.departure.time, i.id),
}


def ordered(itineraries: Iterable[Itinerary], sort: Sort) -> list[Itinerary]:
    """Return itineraries in a stable order; those that are sold out come last."""
    found = list(itineraries)
    key = _best(found) if sort is Sort.BEST else _ORDERS[sort]
    return sorted(found, key=lambda itinerary: (itinerary.sold_out, key(itinerary)))


def _best(found: list[Itinerary]) -> Key:
    """Weigh price and duration against the lowest of all, and add a fixed cost for each stop."""
    lowest = min((i.fare.total.amount for i in found if i.fare), default=Decimal())
    shortest = max(min((i.duration for i in found), default=timedelta()), timedelta(minutes=1))

    def cost(itinerary: Itinerary) -> tuple[object, ...]:
        price = float(itinerary.fare.total.amount / lowest) if itinerary.fare and lowest else UNPRICED
        weight = price + itinerary.duration / shortest + STOP_WEIGHT * (len(itinerary.segments) - 1)
        return weight, itinerary.departure.time, itinerary.id

    return cost
