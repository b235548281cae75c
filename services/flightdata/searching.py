"""Finding flights between two places: metropolitan areas opened into airports, filters, order, and an honest count."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import dataclass, field
from datetime import date

from mesh.clock import Clock
from services.flightdata.errors import SamePlace
from services.flightdata.flights import Cabin, Filters, Itinerary, PairQuery, Provenance, Sort
from services.flightdata.horizon import check_departure
from services.flightdata.places import Place
from services.flightdata.places.lexicon import Lexicon
from services.flightdata.providers import FlightProvider

DEFAULT_RESULTS = 20


@dataclass(frozen=True, slots=True)
class SearchQuery:
    """What the caller looks for. Places are codes of airports or metropolitan areas; the day is the departure airport's."""

    origin: str
    destination: str
    date: date
    filters: Filters = field(default_factory=Filters)
    sort: Sort = Sort.EARLIEST
    cabin: Cabin = Cabin.ECONOMY
    passengers: int = 1
    limit: int = DEFAULT_RESULTS


@dataclass(frozen=True, slots=True)
class Progress:
    """A provider is being asked, or has answered."""

    provider: str
    finished: bool


@dataclass(frozen=True, slots=True)
class Results:
    """Flights found, in the order asked for."""

    itineraries: Sequence[Itinerary]


@dataclass(frozen=True, slots=True)
class Done:
    """The search is over: how many fit, how many there are without the filters, and who answered."""

    total: int
    total_unfiltered: int
    provenance: Provenance


SearchEvent = Progress | Results | Done

_ORDER: dict[Sort, Callable[[Itinerary], tuple[object, ...]]] = {
    Sort.EARLIEST: lambda i: (i.departure.time, i.id),
    Sort.LATEST: lambda i: (-i.departure.time.timestamp(), i.id),
    Sort.FASTEST: lambda i: (i.duration, i.departure.time, i.id),
    Sort.CHEAPEST: lambda i: (i.fare is None, i.fare.total.amount if i.fare else 0, i.departure.time, i.id),
}


class FlightSearch:
    """Searches of one provider."""

    def __init__(self, lexicon: Lexicon, provider: FlightProvider, clock: Clock) -> None:
        self._lexicon = lexicon
        self._provider = provider
        self._clock = clock

    async def search(self, query: SearchQuery) -> AsyncIterator[SearchEvent]:
        """Progress and results as they come, then `Done`.

        Raises:
            PlaceNotFound: a code is nobody's.
            SamePlace: both codes lie in one city.
            DateInPast, DateBeyondHorizon: the day isn't one that can be flown on.
        """
        origin, destination = self._places(query)
        check_departure(query.date, origin.zone, self._clock.now())
        yield Progress(self._provider.name, finished=False)
        found = await self._ask(origin, destination, query)
        yield Progress(self._provider.name, finished=True)
        fitting = sorted((i for i in found if query.filters.admit(i)), key=_ORDER[query.sort])
        if fitting:
            yield Results(fitting[: query.limit])
        yield Done(len(fitting), len(found), self._answered(found))

    def _places(self, query: SearchQuery) -> tuple[Place, Place]:
        origin, destination = self._lexicon.place(query.origin), self._lexicon.place(query.destination)
        if self._lexicon.metro_of(origin) == self._lexicon.metro_of(destination):
            raise SamePlace(origin.code, origin.city)
        return origin, destination

    async def _ask(self, origin: Place, destination: Place, query: SearchQuery) -> list[Itinerary]:
        pairs = [(a, b) for a in origin.airports for b in destination.airports]
        async with asyncio.TaskGroup() as group:
            asked = [group.create_task(self._provider.search(PairQuery(a, b, query.date, query.cabin, query.passengers))) for a, b in pairs]
        return [itinerary for task in asked for itinerary in task.result()]

    def _answered(self, found: Sequence[Itinerary]) -> Provenance:
        return found[0].provenance if found else self._provider.provenance(self._clock.now())
