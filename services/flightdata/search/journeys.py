"""Journeys of several legs: one itinerary for each, put together so that every leg can be caught after the one before."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import timedelta
from decimal import Decimal

from services.flightdata.model.fares import Fare
from services.flightdata.model.flights import Itinerary
from services.flightdata.model.queries import Sort
from services.flightdata.search.ordering import STOP_WEIGHT, UNPRICED

EACH_LEG = 12
"""Itineraries of a leg that are tried, the best in the order asked for."""
KEPT = 150
"""Beginnings of a journey that are kept from leg to leg."""
BETWEEN_LEGS = timedelta(hours=1)
"""Between the arrival of one leg and the departure of the next at least."""
AN_HOUR = 0.05
"""What an hour in the air or on the ground is worth, as a multiple of the least price on offer."""


@dataclass(frozen=True, slots=True)
class Journey:
    """One itinerary for each leg, in the order of travel; `sold_at` is what all cost where they are sold together."""

    itineraries: tuple[Itinerary, ...]
    sold_at: Fare | None = None

    @property
    def fare(self) -> Fare | None:
        """What they are sold at together, or the sum of the fares; None when one is unknown, or they are in different currencies."""
        if self.sold_at:
            return self.sold_at
        fares = [itinerary.fare for itinerary in self.itineraries]
        total: Fare | None = None
        for fare in fares:
            if fare is None or (total and total.total.currency != fare.total.currency):
                return None
            total = total + fare if total else fare
        return total

    @property
    def sold_out(self) -> bool:
        """Whether any leg of it is."""
        return any(itinerary.sold_out for itinerary in self.itineraries)


Key = Callable[[Journey], tuple[object, ...]]


def journeys(legs: Sequence[Sequence[Itinerary]], sort: Sort) -> tuple[list[Journey], bool]:
    """Journeys over legs whose itineraries come in the order asked for, in that order, and whether some were not tried."""
    tried = [leg[:EACH_LEG] for leg in legs]
    cut = any(len(leg) > EACH_LEG for leg in legs)
    key = _key(sort, tried)
    found = [Journey(())]
    for leg in tried:
        longer = [
            Journey((*journey.itineraries, one))
            for journey in found
            for one in leg
            if _can_be_caught(journey, one)
        ]
        cut |= len(longer) > KEPT and leg is not tried[-1]
        longer.sort(key=key)
        found = longer if leg is tried[-1] else longer[:KEPT]
    return found, cut


def in_order(together: Sequence[Journey], legs: Sequence[Sequence[Itinerary]], sort: Sort) -> list[Journey]:
    """Journeys that are sold together in the order asked for; each leg's itineraries come in that order."""
    if sort is Sort.BEST:
        # Only both ways have a price, so it is weighed here and not in the order of each leg.
        least = min((journey.fare.total.amount for journey in together if journey.fare), default=Decimal(0))
        return sorted(together, key=lambda journey: (journey.sold_out, _weight(journey, least)))
    return sorted(together, key=_key(sort, legs))


def _weight(journey: Journey, least: Decimal) -> float:
    hours = sum((itinerary.duration for itinerary in journey.itineraries), timedelta()) / timedelta(hours=1)
    changes = sum(len(itinerary.segments) - 1 for itinerary in journey.itineraries)
    dear = float(journey.fare.total.amount / least) if journey.fare and least else UNPRICED
    return dear + hours * AN_HOUR + changes * STOP_WEIGHT


def _can_be_caught(journey: Journey, following: Itinerary) -> bool:
    if not journey.itineraries:
        return True
    return following.departure.at - journey.itineraries[-1].arrival.at >= BETWEEN_LEGS


def _key(sort: Sort, legs: Sequence[Sequence[Itinerary]]) -> Key:
    places = [{itinerary.id: place for place, itinerary in enumerate(leg)} for leg in legs]

    def ranks(journey: Journey) -> tuple[int, ...]:
        return tuple(held[itinerary.id] for held, itinerary in zip(places, journey.itineraries, strict=False))

    def cheapest(journey: Journey) -> tuple[object, ...]:
        fare = journey.fare
        return journey.sold_out, fare is None, fare.total.amount if fare else 0, ranks(journey)

    def fastest(journey: Journey) -> tuple[object, ...]:
        return journey.sold_out, sum((i.duration for i in journey.itineraries), timedelta()), ranks(journey)

    def best(journey: Journey) -> tuple[object, ...]:
        return journey.sold_out, sum(ranks(journey)), ranks(journey)

    def in_turn(journey: Journey) -> tuple[object, ...]:
        return journey.sold_out, ranks(journey)

    return {Sort.CHEAPEST: cheapest, Sort.FASTEST: fastest, Sort.BEST: best}.get(sort, in_turn)
