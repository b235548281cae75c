"""Finding flights between places: every question asked, filters, order, journeys of several legs, and an honest count."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import date

from mesh.clock import Clock
from services.flightdata.cabins import Cabin
from services.flightdata.emissions import estimated
from services.flightdata.flights import Itinerary
from services.flightdata.geography import distance_km
from services.flightdata.journeys import Journey, journeys
from services.flightdata.offer_desk import OfferDesk
from services.flightdata.offers import Fare, Offer
from services.flightdata.ordering import ordered
from services.flightdata.places.lexicon import Lexicon
from services.flightdata.provenance import Provenance
from services.flightdata.providers import Capability, Found
from services.flightdata.queries import Sort
from services.flightdata.routing import Answered, Progress, ProviderRouter
from services.flightdata.search_limits import Limit
from services.flightdata.search_questions import Question, SearchQuery, questions


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
class _Answer:
    """What was answered to a question: what of it can be true, and what of that fits, in the order asked for."""

    question: Question
    found: Found
    plausible: Sequence[Itinerary]
    fitting: Sequence[Itinerary]
    provenance: Provenance

    @property
    def part(self) -> Part:
        cheapest = next((i.fare for i in ordered(self.fitting, Sort.CHEAPEST)), None)
        return Part(self.question.leg, self.question.query.date, len(self.fitting), len(self.plausible), cheapest)


class FlightSearch:
    """Searches over the configured providers."""

    def __init__(self, lexicon: Lexicon, router: ProviderRouter, offers: OfferDesk, clock: Clock) -> None:
        self._lexicon = lexicon
        self._router = router
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
        asked, limits = questions(self._lexicon, query, self._clock.now())
        answers: list[_Answer] = []
        for question in asked:
            async for event in self._ask(question, query):
                if isinstance(event, Progress):
                    yield event
                else:
                    answers.append(self._answer(event, question, query.sort))
        for told in self._told(query, answers, limits):
            yield told

    def _ask(self, question: Question, query: SearchQuery) -> AsyncIterator[Progress | Answered[Found]]:
        return self._router.ask(
            Capability.SEARCH,
            lambda provider: provider.search(question.query),
            empty=_is_empty,
            rather=Capability.OFFERS if _is_about_prices(query) else None,
        )

    def _answer(self, answer: Answered[Found], question: Question, sort: Sort) -> _Answer:
        plausible = [replace(i, leg=question.leg) for i in answer.value.itineraries if not i.doubts]
        fitting = ordered((i for i in plausible if question.filters.admit(i)), sort)
        return _Answer(question, answer.value, plausible, fitting, self._said(answer))

    def _told(self, query: SearchQuery, answers: Sequence[_Answer], limits: frozenset[Limit]) -> Sequence[SearchEvent]:
        """Results, when there are any that fit, and the end."""
        limits |= {limit for answer in answers for limit in answer.found.limits}
        together: list[Journey] = []
        if query.further:
            together, cut = journeys([answer.fitting for answer in answers], query.sort)
            fitting = _itineraries(together[: query.limit])
            total, sold_out = len(together), sum(journey.sold_out for journey in together)
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
            implausible=sum(len(answer.found.itineraries) - len(answer.plausible) for answer in answers),
            sold_out=sold_out,
            limits=limits,
            parts=[answer.part for answer in answers] if len(answers) > 1 else (),
        )
        results = Results([self._estimated(i, query.cabin) for i in shown], self._offered(shown, answers), together[: query.limit])
        return [results, done] if shown else [done]

    def _offered(self, shown: Sequence[Itinerary], answers: Sequence[_Answer]) -> list[Offer]:
        by_id = {itinerary.id: itinerary for itinerary in shown}
        return [
            self._offers.named(offer, by_id[offer.itinerary_id], answer.question.query)
            for answer in answers
            for offer in answer.found.offers
            if offer.itinerary_id in by_id
        ]

    def _estimated(self, itinerary: Itinerary, cabin: Cabin) -> Itinerary:
        """With its emissions, if all its airports are known."""
        ends = [(segment.departure.airport, segment.arrival.airport) for segment in itinerary.segments]
        airports = self._lexicon.airports
        if any(code not in airports for pair in ends for code in pair):
            return itinerary
        return replace(itinerary, emissions=estimated([distance_km(airports[a], airports[b]) for a, b in ends], cabin))

    def _said(self, answer: Answered[Found]) -> Provenance:
        """The provenance of what was found; of an empty answer, that of who gave it."""
        if answer.value.itineraries:
            return answer.value.itineraries[0].provenance
        return Provenance(answer.provider.name, self._clock.now(), sample=answer.provider.is_sample)


def _itineraries(together: Iterable[Journey]) -> list[Itinerary]:
    """Each itinerary of some journeys once, leg by leg."""
    once = {(itinerary.leg, itinerary.id): itinerary for journey in together for itinerary in journey.itineraries}
    return sorted(once.values(), key=lambda itinerary: itinerary.leg)


def _unfiltered(query: SearchQuery, answers: Sequence[_Answer]) -> int:
    counts = [len(answer.plausible) for answer in answers]
    return min(counts) if query.further else sum(counts)


def _is_about_prices(query: SearchQuery) -> bool:
    """Whether flights without prices and cabins are a poor answer."""
    return query.sort is Sort.CHEAPEST or query.cabin is not Cabin.ECONOMY


def _is_empty(found: Found) -> bool:
    return not found.itineraries
