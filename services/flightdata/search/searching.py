"""Finding flights between places: every question asked, filters, order, journeys of several legs, and an honest count."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterable, Sequence
from contextlib import aclosing
from dataclasses import dataclass, replace
from datetime import date
from functools import lru_cache

from mesh.clock import Clock
from services.flightdata.caching.answer_cache import Answers, Question
from services.flightdata.caching.entries import FAILURES, FoundEntry
from services.flightdata.caching.freshness import Kind
from services.flightdata.model.emissions import estimated
from services.flightdata.model.fares import Cabin, Fare
from services.flightdata.model.flights import Itinerary, Provenance
from services.flightdata.model.found import Found, Limit, Offer, RoundTrip
from services.flightdata.model.queries import FlightQuery, Sort
from services.flightdata.places.geography import distance_km
from services.flightdata.places.lexicon import Lexicon
from services.flightdata.providers.protocol import Capability
from services.flightdata.providers.routing import Answered, Progress
from services.flightdata.search.journeys import Journey, in_order, journeys
from services.flightdata.search.leg_queries import REMEMBERED, LegQuery, SearchQuery, leg_queries
from services.flightdata.search.offers import OfferDesk
from services.flightdata.search.ordering import ordered
from services.flightdata.search.ready_results import ReadyResults
from services.flightdata.search.round_trips import as_one, together
from services.flightdata.streams import side_by_side

AT_ONCE = 3
"""Legs, or days, that are asked for at a time: a week of days over a slow vendor takes as long as three, and a vendor that fails is paid no
more than that in vain."""


@dataclass(frozen=True, slots=True)
class Results:
    """Itineraries found, in the order asked for (of journeys, leg by leg), the offers on them, and which of them go together."""

    itineraries: Sequence[Itinerary]
    offers: Sequence[Offer] = ()
    journeys: Sequence[Journey] = ()


@dataclass(frozen=True, slots=True)
class Part:
    """How one leg on one day came out: how many fit, how many there are without the filters, and the cheapest that fits."""

    leg: int
    day: date
    total: int
    total_unfiltered: int
    cheapest: Fare | None


@dataclass(frozen=True, slots=True)
class Done:
    """The search is over: how many fit, how many there are without the filters (of legs, on the one with fewest), and who answered.

    `implausible` were left out because no aircraft could fly them as told; `sold_out` of `total` have no seats. `parts` are told when a
    journey has several legs or the day may be another.
    """

    total: int
    total_unfiltered: int
    provenance: Provenance
    implausible: int = 0
    sold_out: int = 0
    limits: frozenset[Limit] = frozenset()
    parts: Sequence[Part] = ()


SearchEvent = Progress | Results | Done


@dataclass(frozen=True, slots=True)
class _Asked:
    """A leg, what was asked for it (both ways, where they are sold together), and what was answered."""

    leg: LegQuery
    query: FlightQuery
    answered: Answered[Found]

    @property
    def itineraries(self) -> Sequence[Itinerary]:
        """Those of the leg."""
        found = self.answered.value
        return (
            [i for i in found.itineraries if i.leg == self.leg.leg]
            if found.round_trips
            else found.itineraries
        )


@dataclass(frozen=True, slots=True)
class _Sifted:
    """Of an answer: what can still be flown, what of that can be true, what of that fits, in the order asked for, and offers that hold."""

    leg: LegQuery
    query: FlightQuery
    ahead: Sequence[Itinerary]
    plausible: Sequence[Itinerary]
    fitting: Sequence[Itinerary]
    offers: Sequence[Offer]
    provenance: Provenance

    @property
    def part(self) -> Part:
        cheapest = next((i.fare for i in ordered(self.fitting, Sort.CHEAPEST)), None)
        return Part(self.leg.leg, self.leg.query.date, len(self.fitting), len(self.plausible), cheapest)


class FlightSearch:
    """Searches over the configured providers."""

    def __init__(self, lexicon: Lexicon, answers: Answers, offers: OfferDesk, clock: Clock) -> None:
        self._lexicon = lexicon
        self._answers = answers
        self._ready = ReadyResults[Sequence[SearchEvent]]()
        self._offers = offers
        self._clock = clock

    async def search(self, query: SearchQuery) -> AsyncIterator[SearchEvent]:
        """Progress as providers are asked, what was found, then `Done`.

        Raises:
            PlaceNotFound: a code is nobody's.
            SamePlace: the codes of a leg lie in one city.
            DateInPast, DateBeyondHorizon: a day isn't one that can be flown on.
            FlightsUnavailable, FlightsQuotaExhausted, FlightsRestricted: no provider could answer.
        """
        legs, limits = leg_queries(self._lexicon, query, self._clock.now())
        prefer = Capability.OFFERS if _is_about_prices(query) else None
        asked: list[_Asked] = []
        async for part in self._whole(query, legs, prefer):
            if isinstance(part, Progress):
                yield part
            else:
                asked.append(part)
        if not asked:
            async for part in self._each(legs, prefer):
                if isinstance(part, Progress):
                    yield part
                else:
                    asked.append(part)
        asked.sort(key=lambda one: (one.leg.leg, one.leg.query.date))
        for told in self._told_ready(query, asked, limits):
            yield told

    async def _whole(
        self, query: SearchQuery, legs: Sequence[LegQuery], prefer: Capability | None
    ) -> AsyncIterator[Progress | _Asked]:
        """Both legs of a return asked for at once, where who would be asked sells them so; nothing when there is nothing to be had."""
        both = as_one(query, legs)
        if both is None or not self._answers.begin_with(_needed(both), prefer, able=Capability.ROUND_TRIPS):
            return
        try:
            async for event in self._answers.ask(question(both, prefer, Capability.ROUND_TRIPS)):
                if isinstance(event, Progress):
                    yield event
                elif event.value.round_trips:
                    for leg in legs:
                        yield _Asked(leg, both, event)
        except FAILURES:
            # Others may know the legs; who is alone would only fail again.
            if self._answers.able(_needed(both)) < 2:
                raise

    async def _each(
        self, legs: Sequence[LegQuery], prefer: Capability | None
    ) -> AsyncIterator[Progress | _Asked]:
        """Every leg, or the leg on every day, asked for by itself; the answers come as they do."""
        streams = [self._answers.ask(question(leg.query, prefer)) for leg in legs]
        async with aclosing(side_by_side(streams, AT_ONCE)) as events:
            async for number, event in events:
                yield (
                    event if isinstance(event, Progress) else _Asked(legs[number], legs[number].query, event)
                )

    def _told_ready(
        self, query: SearchQuery, asked: Sequence[_Asked], limits: frozenset[Limit]
    ) -> Sequence[SearchEvent]:
        """What was told before of the same answers, when that is still so."""
        if any(one.answered.cached_at is None for one in asked):
            return self._told(query, asked, limits)
        sources = [one.answered.value for one in asked]
        return self._ready.of(query, sources, self._clock.now(), lambda: self._told(query, asked, limits))

    def _told(
        self, query: SearchQuery, asked: Sequence[_Asked], limits: frozenset[Limit]
    ) -> Sequence[SearchEvent]:
        """Results, when there are any that fit, and the end."""
        answers = [self._sifted(one, query.sort) for one in asked]
        limits |= {limit for one in asked for limit in one.answered.value.limits}
        held: list[Journey] = []
        if query.further:
            held, cut = _journeys(
                asked[0].answered.value.round_trips, [answer.fitting for answer in answers], query.sort
            )
            fitting = _itineraries(held[: query.limit])
            total, sold_out = len(held), sum(journey.sold_out for journey in held)
            limits |= {Limit.JOURNEYS} if cut else set()
        else:
            fitting = ordered((i for answer in answers for i in answer.fitting), query.sort)
            total, sold_out = len(fitting), sum(itinerary.sold_out for itinerary in fitting)
        shown = fitting if query.further else fitting[: query.limit]
        limits |= {Limit.RESULTS} if total > query.limit else set()
        limits |= {Limit.BAGS} if any(i.fare and i.fare.bags < query.bags for i in shown) else set()
        done = Done(
            total=total,
            total_unfiltered=_unfiltered(query, answers),
            provenance=next((a.provenance for a in answers if a.plausible), answers[0].provenance),
            implausible=sum(len(answer.ahead) - len(answer.plausible) for answer in answers),
            sold_out=sold_out,
            limits=limits,
            parts=[answer.part for answer in answers] if len(answers) > 1 else (),
        )
        results = Results(
            [self._estimated(i, query.cabin) for i in shown],
            self._offered(shown, answers),
            held[: query.limit],
        )
        return [results, done] if shown else [done]

    def _sifted(self, asked: _Asked, sort: Sort) -> _Sifted:
        now, leg, answered = self._clock.now(), asked.leg, asked.answered
        # An answer that is told again may hold flights that have left since, and prices that are over.
        ahead = [i for i in asked.itineraries if answered.cached_at is None or i.departure.at.utc > now]
        plausible = [replace(itinerary, leg=leg.leg) for itinerary in ahead if not itinerary.doubts]
        fitting = ordered((i for i in plausible if leg.filters.admit(i)), sort)
        # Both legs of a round trip have the same offers, which are told with the first.
        offers = [
            offer
            for offer in answered.value.offers
            if offer.expires > now and not (offer.return_id and leg.leg)
        ]
        return _Sifted(leg, asked.query, ahead, plausible, fitting, offers, self._said(answered))

    def _offered(self, shown: Sequence[Itinerary], answers: Sequence[_Sifted]) -> list[Offer]:
        by_id = {itinerary.id: itinerary for itinerary in shown}
        return [
            self._offers.named(offer, by_id[offer.itinerary_id], answer.query)
            for answer in answers
            for offer in answer.offers
            if offer.itinerary_id in by_id and (not offer.return_id or offer.return_id in by_id)
        ]

    def _estimated(self, itinerary: Itinerary, cabin: Cabin) -> Itinerary:
        """With its emissions, if all its airports are known."""
        ends = [(segment.departure.airport, segment.arrival.airport) for segment in itinerary.segments]
        airports = self._lexicon.airports
        if any(code not in airports for pair in ends for code in pair):
            return itinerary
        return replace(
            itinerary, emissions=estimated([distance_km(airports[a], airports[b]) for a, b in ends], cabin)
        )

    def _said(self, answer: Answered[Found]) -> Provenance:
        """The provenance of what was found; of an empty answer, that of who gave it."""
        if answer.value.itineraries:
            return answer.value.itineraries[0].provenance
        fetched = answer.cached_at or self._clock.now()
        return Provenance(
            answer.provider.name,
            fetched,
            cached=answer.cached_at is not None,
            sample=answer.provider.is_sample,
        )


@lru_cache(maxsize=REMEMBERED)
def question(
    leg: FlightQuery, prefer: Capability | None = None, capability: Capability | None = None
) -> Question[Found]:
    """What is asked for a leg, under the name of everything that may change the answer; whoever can do `prefer` too is asked first."""
    return Question(
        name=repr(leg),
        kind=Kind.SEARCH,
        capability=capability or _needed(leg),
        shape=FoundEntry,
        call=lambda provider: provider.search(leg),
        empty=_is_empty,
        prefer=prefer,
    )


def _needed(leg: FlightQuery) -> Capability:
    """Who knows nonstop flights only has nothing to say of a change, and would seem to say that there is none."""
    return Capability.CONNECTIONS if leg.via else Capability.SEARCH


def _journeys(
    trips: Sequence[RoundTrip], legs: Sequence[Sequence[Itinerary]], sort: Sort
) -> tuple[list[Journey], bool]:
    """Those that are sold together, if any are, or put together; and whether some ways to do that were not tried."""
    return (in_order(together(trips, legs), legs, sort), False) if trips else journeys(legs, sort)


def _itineraries(together: Iterable[Journey]) -> list[Itinerary]:
    """Each itinerary of some journeys once, leg by leg."""
    once = {
        (itinerary.leg, itinerary.id): itinerary for journey in together for itinerary in journey.itineraries
    }
    return sorted(once.values(), key=lambda itinerary: itinerary.leg)


def _unfiltered(query: SearchQuery, answers: Sequence[_Sifted]) -> int:
    counts = [len(answer.plausible) for answer in answers]
    return min(counts) if query.further else sum(counts)


def _is_about_prices(query: SearchQuery) -> bool:
    """Whether flights without prices and cabins are a poor answer."""
    return query.sort is Sort.CHEAPEST or query.cabin is not Cabin.ECONOMY


def _is_empty(found: Found) -> bool:
    return not found.itineraries
