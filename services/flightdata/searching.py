"""Finding flights between two places: metropolitan areas opened into airports, filters, order, and an honest count."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, field
from datetime import date

from mesh.clock import Clock
from services.flightdata.cabins import Cabin
from services.flightdata.caching.answers import Answers, Question
from services.flightdata.caching.entries import FoundEntry
from services.flightdata.caching.freshness import Kind
from services.flightdata.errors import SamePlace
from services.flightdata.flights import Itinerary
from services.flightdata.horizon import check_departure
from services.flightdata.offer_desk import OfferDesk
from services.flightdata.offers import Offer
from services.flightdata.ordering import ordered
from services.flightdata.places import Place
from services.flightdata.places.lexicon import Lexicon
from services.flightdata.provenance import Provenance
from services.flightdata.providers import Capability, Found
from services.flightdata.queries import Filters, FlightQuery, Party, Sort
from services.flightdata.ready_results import ReadyResults
from services.flightdata.routing import Answered, Progress

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
    party: Party = field(default_factory=Party)
    limit: int = DEFAULT_RESULTS


@dataclass(frozen=True, slots=True)
class Results:
    """Flights found, in the order asked for, and the offers on them."""

    itineraries: Sequence[Itinerary]
    offers: Sequence[Offer] = ()


@dataclass(frozen=True, slots=True)
class Done:
    """The search is over: how many fit, how many there are without the filters, and who answered.

    `implausible` were left out because no aircraft could fly them as told.
    """

    total: int
    total_unfiltered: int
    provenance: Provenance
    implausible: int = 0


SearchEvent = Progress | Results | Done


class FlightSearch:
    """Searches over the configured providers."""

    def __init__(self, lexicon: Lexicon, answers: Answers, offers: OfferDesk, clock: Clock) -> None:
        self._lexicon = lexicon
        self._answers = answers
        self._ready = ReadyResults[Sequence[SearchEvent]]()
        self._offers = offers
        self._clock = clock

    async def search(self, query: SearchQuery) -> AsyncIterator[SearchEvent]:
        """Progress and results as they come, then `Done`.

        Raises:
            PlaceNotFound: a code is nobody's.
            SamePlace: both codes lie in one city.
            DateInPast, DateBeyondHorizon: the day isn't one that can be flown on.
            FlightsUnavailable, FlightsQuotaExhausted, FlightsRestricted: no provider could answer.
        """
        origin, destination = self._places(query)
        check_departure(query.date, origin.zone, self._clock.now())
        asked = FlightQuery(
            origin.airports,
            destination.airports,
            query.date,
            query.cabin,
            query.party,
            self._lexicon.currencies.get(origin.country_code, ""),
        )

        question = Question(
            name=repr(asked),
            kind=Kind.SEARCH,
            capability=Capability.SEARCH,
            shape=FoundEntry,
            call=lambda provider: provider.search(asked),
            empty=_is_empty,
            rather=Capability.OFFERS if _is_about_prices(query) else None,
        )
        async for event in self._answers.ask(question):
            if isinstance(event, Progress):
                yield event
                continue
            for told in self._told_ready(event, query, asked):
                yield told

    def _told_ready(self, answer: Answered[Found], query: SearchQuery, asked: FlightQuery) -> Sequence[SearchEvent]:
        """What was told before of the same answer, when that is still so."""
        if answer.cached_at is None:
            return self._told(answer, query, asked)
        return self._ready.of(query, answer.value, self._clock.now(), lambda: self._told(answer, query, asked))

    def _told(self, answer: Answered[Found], query: SearchQuery, asked: FlightQuery) -> Sequence[SearchEvent]:
        """Results, when there are any that fit, and the end."""
        now = self._clock.now()
        # An answer that is told again may hold flights that have left since, and prices that are over.
        ahead = [i for i in answer.value.itineraries if answer.cached_at is None or i.departure.at.utc > now]
        plausible = [itinerary for itinerary in ahead if not itinerary.doubts]
        fitting = ordered((i for i in plausible if query.filters.admit(i)), query.sort)
        shown = fitting[: query.limit]
        by_id = {itinerary.id: itinerary for itinerary in shown}
        offers = [
            self._offers.named(o, by_id[o.itinerary_id], asked) for o in answer.value.offers if o.itinerary_id in by_id and o.expires > now
        ]
        done = Done(len(fitting), len(plausible), self._said(answer), len(ahead) - len(plausible))
        return [Results(shown, offers), done] if shown else [done]

    def _places(self, query: SearchQuery) -> tuple[Place, Place]:
        origin, destination = self._lexicon.place(query.origin), self._lexicon.place(query.destination)
        if self._lexicon.metro_of(origin) == self._lexicon.metro_of(destination):
            raise SamePlace(origin.code, origin.city)
        return origin, destination

    def _said(self, answer: Answered[Found]) -> Provenance:
        """The provenance of what was found; of an empty answer, that of who gave it."""
        if answer.value.itineraries:
            return answer.value.itineraries[0].provenance
        fetched = answer.cached_at or self._clock.now()
        return Provenance(answer.provider.name, fetched, cached=answer.cached_at is not None, sample=answer.provider.is_sample)


def _is_about_prices(query: SearchQuery) -> bool:
    """Whether flights without prices and cabins are a poor answer."""
    return query.sort is Sort.CHEAPEST or query.cabin is not Cabin.ECONOMY


def _is_empty(found: Found) -> bool:
    return not found.itineraries
