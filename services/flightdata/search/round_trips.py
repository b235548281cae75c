"""Out and back sold together at one price, where somebody sells it so: that is rarely the sum of two ways.

Such a search is one question to whoever sells round trips. When nobody does, or who does is not who would be asked first, the two legs are
asked for each by itself and put together here.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

from services.flightdata.model.flights import Itinerary
from services.flightdata.model.found import RoundTrip
from services.flightdata.model.queries import FlightQuery
from services.flightdata.search.journeys import Journey
from services.flightdata.search.leg_queries import LegQuery, SearchQuery


def as_one(query: SearchQuery, legs: Sequence[LegQuery]) -> FlightQuery | None:
    """What to ask for both legs at once; None unless the second leads back to where the first began."""
    there, *further = query.legs
    if len(further) != 1 or (further[0].origin, further[0].destination) != (there.destination, there.origin):
        return None
    return replace(legs[0].query, back=further[0].date)


def together(trips: Sequence[RoundTrip], legs: Sequence[Sequence[Itinerary]]) -> list[Journey]:
    """Journeys of those trips both of whose itineraries are among those wanted, `legs` out and back."""
    out, back = (_by_id(leg) for leg in legs)
    return [
        Journey((out[trip.out], back[trip.back]), trip.fare)
        for trip in trips
        if trip.out in out and trip.back in back
    ]


def _by_id(itineraries: Sequence[Itinerary]) -> Mapping[str, Itinerary]:
    return {itinerary.id: itinerary for itinerary in itineraries}
