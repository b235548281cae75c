"""The result of a search and its flights: the same message during the call and in the transcript."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from readback.conversation.v1 import entry_pb2
from readback.flightdata.v1 import flights_pb2

from agent.language.found_flight import FoundFlight


@dataclass(frozen=True, slots=True)
class SearchAnswer:
    """The result of a search, as the transcript has it, and its flights."""

    result: entry_pb2.FlightSearchResult
    flights: tuple[FoundFlight, ...]

    @classmethod
    def of(cls, result: entry_pb2.FlightSearchResult) -> SearchAnswer:
        """Return the answer for a result. Raises ValueError if a part is missing that the sentences need."""
        return cls(result, tuple(_flights(result.results)))

    @property
    def total(self) -> int:
        """Number of flights that match; there may be more than in `flights`."""
        return self.result.done.result_count

    @property
    def unfiltered_count(self) -> int:
        """Number of flights on that route and day."""
        return self.result.done.unfiltered_count

    @property
    def sample(self) -> bool:
        """True if the flights are invented."""
        return any(source.sample for source in self.result.done.provenances)

    @property
    def partial(self) -> bool:
        """True if a provider gave only the beginning of its list, so that better flights may be missing."""
        return flights_pb2.SEARCH_LIMIT_PART in self.result.done.limits


def without_dearer_offers(results: flights_pb2.SearchResults) -> flights_pb2.SearchResults:
    """Return the results with only the cheapest offer of each itinerary or journey."""
    cheapest: dict[tuple[str, ...], flights_pb2.Offer] = {}
    for offer in sorted(results.offers, key=_price):
        cheapest.setdefault(tuple(offer.itinerary_ids), offer)
    return flights_pb2.SearchResults(
        itineraries=results.itineraries, journeys=results.journeys, offers=cheapest.values()
    )


def _price(offer: flights_pb2.Offer) -> tuple[int, int]:
    return offer.fare.total.units, offer.fare.total.nanos


def _flights(results: flights_pb2.SearchResults) -> Iterable[FoundFlight]:
    """Yield the flights. A search with a return flight has journeys."""
    offers = {tuple(offer.itinerary_ids): offer for offer in results.offers}
    if not results.journeys:
        for one in results.itineraries:
            yield _checked(FoundFlight(one, None, offers.get((one.itinerary_id,))))
        return
    by_id = {itinerary.itinerary_id: itinerary for itinerary in results.itineraries}
    for journey in results.journeys:
        try:
            out, back = journey.itinerary_ids
            there = flights_pb2.Itinerary()
            there.CopyFrom(by_id[out])
            there.ClearField("fare")
            if journey.HasField("fare"):
                there.fare.CopyFrom(journey.fare)
            yield _checked(FoundFlight(there, by_id[back], offers.get((out, back))))
        except KeyError as missing:
            raise ValueError(f"journey with an unknown itinerary: {missing}") from None


def _checked(flight: FoundFlight) -> FoundFlight:
    for itinerary in filter(None, (flight.there, flight.back)):
        if not itinerary.itinerary_id or not itinerary.segments:
            raise ValueError("itinerary without an id or without segments")
        require_endpoints(
            endpoint for segment in itinerary.segments for endpoint in (segment.departure, segment.arrival)
        )
    return flight


def require_endpoints(endpoints: Iterable[flights_pb2.FlightEndpoint]) -> None:
    """Raise ValueError if a departure or an arrival has no time or no time zone."""
    if not all(endpoint.HasField("time") and endpoint.time_zone for endpoint in endpoints):
        raise ValueError("departure or arrival without a time or a time zone")
