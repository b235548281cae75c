"""Flight search: asks providers for every leg, filters and sorts the answers, and combines journeys."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterable, Sequence
from contextlib import aclosing
from dataclasses import dataclass, replace
from datetime import datetime
from itertools import chain

from readback.flightdata.v1 import flights_pb2

from mesh.clock import Clock
from services.flightdata.caching.answer_cache import AnswerCache, Question
from services.flightdata.caching.freshness import Kind
from services.flightdata.caching.stored_answers import FAILURES
from services.flightdata.model.emissions import estimated_grams
from services.flightdata.model.fares import Cabin
from services.flightdata.model.flights import Itinerary, Provenance
from services.flightdata.model.queries import FlightQuery, SearchQuery, Sort
from services.flightdata.model.search_results import Found, Journey, Limit, Offer, Results
from services.flightdata.places.geography import distance_km
from services.flightdata.places.lexicon import Lexicon
from services.flightdata.providers.protocol import Capability
from services.flightdata.providers.routing import Answered, Progress
from services.flightdata.search.journeys import combined, sold_together
from services.flightdata.search.leg_queries import LegQuery, leg_queries, round_trip_query
from services.flightdata.search.offers import OfferService
from services.flightdata.search.ordering import in_order, ordered
from services.flightdata.streams import merged
from services.flightdata.wire import messages, values

SearchEvent = Progress | Results | flights_pb2.SearchDone
CONCURRENT_LEGS = 3
"""Number of legs, or of flexible days, asked for at the same time.

A search over seven days then takes as long as three calls. If the vendor fails, at most three calls are paid.
"""


@dataclass(frozen=True, slots=True)
class LegAnswer:
    """The answer for one leg. `query` is the query sent: for both legs if they are sold together."""

    leg: LegQuery
    query: FlightQuery
    answer: Answered[Found]

    def upcoming(self, now: datetime) -> list[Itinerary]:
        """Return the leg's itineraries. If the answer is cached, leave out flights that have departed."""
        found, cached = self.answer.value, self.answer.provenance.cached
        return [
            itinerary
            for itinerary in found.itineraries
            if (not found.round_trips or itinerary.leg == self.leg.leg)
            and not (cached and itinerary.departure.at.utc <= now)
        ]

    def plausible(self, now: datetime) -> list[Itinerary]:
        """Return the upcoming itineraries without doubts."""
        return [replace(i, leg=self.leg.leg) for i in self.upcoming(now) if not i.doubts]

    def fitting(self, itineraries: Iterable[Itinerary], sort: Sort) -> list[Itinerary]:
        """Return the itineraries that pass the leg's filters, sorted."""
        return ordered(filter(self.leg.filters.admit, itineraries), sort)

    def valid_offers(self, now: datetime) -> list[Offer]:
        """Return the offers that haven't expired. Return those of several legs only for the first leg."""
        offers = self.answer.value.offers
        return [o for o in offers if o.expires > now and (len(o.itinerary_ids) == 1 or not self.leg.leg)]


@dataclass(frozen=True, slots=True)
class SearchAnswers:
    """The answers to all legs of a search, in the order of travel, and the limits known before asking."""

    query: SearchQuery
    legs: Sequence[LegAnswer]
    limits: frozenset[Limit]

    @property
    def cached(self) -> bool:
        """True if every answer comes from the cache."""
        return all(leg.answer.provenance.cached for leg in self.legs)

    @property
    def found(self) -> list[Found]:
        """The values of the answers."""
        return [leg.answer.value for leg in self.legs]


class FlightSearch:
    """Searches over the configured providers."""

    def __init__(self, lexicon: Lexicon, cache: AnswerCache, offers: OfferService, clock: Clock) -> None:
        self._lexicon, self._cache, self._offers, self._clock = lexicon, cache, offers, clock

    async def search(self, query: SearchQuery) -> AsyncIterator[SearchEvent]:
        """Yield progress while providers are asked, then the results, then `SearchDone`.

        It raises the same errors as `ask`.
        """
        async for event in self.ask(query):
            if isinstance(event, Progress):
                yield event
            else:
                for result in self.results(event):
                    yield result

    async def ask(self, query: SearchQuery) -> AsyncIterator[Progress | SearchAnswers]:
        """Yield progress while providers are asked, then all answers in one last event.

        Raises:
            PlaceNotFound: a code is unknown.
            SamePlace: both places of a leg are in one city.
            DateInPast, DateBeyondHorizon: a day is out of range.
            FlightsUnavailable, FlightsQuotaExhausted, FlightsRestricted: no provider could answer.
        """
        legs, limits = leg_queries(self._lexicon, query, self._clock.now())
        prefer = Capability.OFFERS if _is_about_prices(query) else None
        answers: list[LegAnswer] = []
        for events in (self._ask_round_trip(legs, prefer), self._ask_each(legs, prefer)):
            async for event in events:
                if isinstance(event, Progress):
                    yield event
                else:
                    answers.append(event)
            if answers:
                break
        answers.sort(key=lambda answer: (answer.leg.leg, answer.leg.query.date))
        yield SearchAnswers(query, answers, limits)

    async def _ask_round_trip(
        self, legs: Sequence[LegQuery], prefer: Capability | None
    ) -> AsyncIterator[Progress | LegAnswer]:
        """Ask for both legs in one query if the provider to ask first sells round trips.

        Yield no answer if it doesn't, or if it finds none.
        """
        both = round_trip_query(legs)
        if both is None or not self._cache.begins_with(_needed(both), prefer, able=Capability.ROUND_TRIPS):
            return
        try:
            async for event in self._cache.ask(search_question(both, prefer, Capability.ROUND_TRIPS)):
                if isinstance(event, Progress):
                    yield event
                elif event.value.round_trips:
                    for leg in legs:
                        yield LegAnswer(leg, both, event)
        except FAILURES:
            # Another provider may answer for the single legs. A sole provider would only fail again.
            if self._cache.count_able(_needed(both)) < 2:
                raise

    async def _ask_each(
        self, legs: Sequence[LegQuery], prefer: Capability | None
    ) -> AsyncIterator[Progress | LegAnswer]:
        """Send one query for each leg, or for each flexible day, and yield every answer when it arrives."""
        streams = [self._cache.ask(search_question(leg.query, prefer)) for leg in legs]
        async with aclosing(merged(streams, CONCURRENT_LEGS)) as events:
            async for index, event in events:
                leg = legs[index]
                yield event if isinstance(event, Progress) else LegAnswer(leg, leg.query, event)

    def results(self, answers: SearchAnswers) -> Sequence[Results | flights_pb2.SearchDone]:
        """Return the results of a search, if there are any, followed by `SearchDone`."""
        query, legs, now = answers.query, answers.legs, self._clock.now()
        plausible = [leg.plausible(now) for leg in legs]
        fitting = [leg.fitting(found, query.sort) for leg, found in zip(legs, plausible, strict=True)]
        journeys, cut = _journeys(answers, fitting) if query.has_several_legs else ([], False)
        itineraries = [] if query.has_several_legs else ordered(chain(*fitting), query.sort)
        found: Sequence[Journey | Itinerary] = [*journeys, *itineraries]
        journeys = journeys[: query.limit]
        shown = _itineraries(journeys) if query.has_several_legs else itineraries[: query.limit]
        counts = list(map(len, plausible))
        done = flights_pb2.SearchDone(
            outcome=flights_pb2.SEARCH_OUTCOME_FOUND if found else flights_pb2.SEARCH_OUTCOME_EMPTY,
            result_count=len(found),
            unfiltered_count=min(counts) if query.has_several_legs else sum(counts),
            provenances=[messages.provenance(one, now) for one in _provenances(legs)],
            implausible_count=sum(len(leg.upcoming(now)) for leg in legs) - sum(counts),
            sold_out_count=sum(one.sold_out for one in found),
            limits=sorted(messages.LIMITS[limit] for limit in _limits(answers, shown, len(found), cut=cut)),
            parts=list(map(_part, legs, plausible, fitting)) if len(legs) > 1 else (),
        )
        if not shown:
            return [done]
        with_emissions = [self._with_emissions(itinerary, query.cabin) for itinerary in shown]
        return [Results(with_emissions, self._named_offers(shown, legs, now), journeys), done]

    def _named_offers(
        self, shown: Sequence[Itinerary], legs: Sequence[LegAnswer], now: datetime
    ) -> list[Offer]:
        by_id = {itinerary.id: itinerary for itinerary in shown}
        return [
            self._offers.named(offer, by_id[offer.itinerary_ids[0]], leg.query)
            for leg in legs
            for offer in leg.valid_offers(now)
            if by_id.keys() >= set(offer.itinerary_ids)
        ]

    def _with_emissions(self, itinerary: Itinerary, cabin: Cabin) -> Itinerary:
        """Return the itinerary with its estimated emissions, or unchanged if an airport is unknown."""
        airports = self._lexicon.airports
        ends = [(segment.departure.airport, segment.arrival.airport) for segment in itinerary.segments]
        if any(code not in airports for pair in ends for code in pair):
            return itinerary
        distances = (distance_km(airports[origin], airports[destination]) for origin, destination in ends)
        return replace(itinerary, emissions=estimated_grams(distances, cabin))


def search_question(
    query: FlightQuery, prefer: Capability | None = None, capability: Capability | None = None
) -> Question[Found]:
    """Return the question for a query. Its name contains every query field that may change the answer."""
    return Question(
        name=repr(query),
        kind=Kind.SEARCH,
        capability=capability or _needed(query),
        shape=Answered[Found],
        call=lambda provider: provider.search(query),
        empty=lambda found: not found.itineraries,
        prefer=prefer,
    )


def _needed(query: FlightQuery) -> Capability:
    """Return the capability that a query needs. A provider with only nonstop flights can't answer `via`."""
    return Capability.CONNECTIONS if query.via else Capability.SEARCH


def _is_about_prices(query: SearchQuery) -> bool:
    """Return whether the query needs a provider that knows prices and cabins."""
    return query.sort is Sort.CHEAPEST or query.cabin is not Cabin.ECONOMY


def _limits(answers: SearchAnswers, shown: Sequence[Itinerary], total: int, *, cut: bool) -> frozenset[Limit]:
    """Return the limits of the answers and of the results shown. `cut`: combinations were skipped."""
    limits = set(answers.limits).union(*(found.limits for found in answers.found))
    limits |= {Limit.JOURNEYS} if cut else set()
    limits |= {Limit.RESULTS} if total > answers.query.limit else set()
    without_bags = any(i.fare and (i.fare.bags or 0) < answers.query.bags for i in shown)
    return frozenset(limits | ({Limit.BAGS} if without_bags else set()))


def _journeys(answers: SearchAnswers, legs: Sequence[Sequence[Itinerary]]) -> tuple[list[Journey], bool]:
    """Return round trips sold together, else combined journeys, and whether combinations were skipped."""
    trips, sort = answers.found[0].round_trips, answers.query.sort
    return (in_order(sold_together(trips, legs), legs, sort), False) if trips else combined(legs, sort)


def _itineraries(journeys: Iterable[Journey]) -> list[Itinerary]:
    """Return the itineraries of all journeys without duplicates, sorted by leg."""
    once = {(i.leg, i.id): i for journey in journeys for i in journey.itineraries}
    return sorted(once.values(), key=lambda itinerary: itinerary.leg)


def _part(
    answer: LegAnswer, plausible: Sequence[Itinerary], fitting: Sequence[Itinerary]
) -> flights_pb2.SearchPart:
    cheapest = next((i.fare for i in ordered(fitting, Sort.CHEAPEST)), None)
    return flights_pb2.SearchPart(
        leg_index=answer.leg.leg,
        departure_date=values.date_message(answer.leg.query.date),
        result_count=len(fitting),
        unfiltered_count=len(plausible),
        cheapest=messages.fare(cheapest) if cheapest else None,
    )


def _provenances(answers: Iterable[LegAnswer]) -> Iterable[Provenance]:
    """Return one provenance for each provider: that of its first itinerary, or of its empty answer."""
    once: dict[str, Provenance] = {}
    for answer in sorted(answers, key=lambda leg: not leg.answer.value.itineraries):
        itineraries = answer.answer.value.itineraries
        provenance = itineraries[0].provenance if itineraries else answer.answer.provenance
        once.setdefault(provenance.provider, provenance)
    return once.values()
