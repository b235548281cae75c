"""What providers are asked for a search: for each leg, and for each day that would do."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import date, datetime, timedelta
from functools import lru_cache

from services.flightdata.errors import DateBeyondHorizon, DateInPast, SamePlace
from services.flightdata.model.fares import Cabin
from services.flightdata.model.found import Limit
from services.flightdata.model.horizon import check_departure
from services.flightdata.model.queries import ANY_TIME, Filters, FlightQuery, Party, Sort
from services.flightdata.places import Place
from services.flightdata.places.lexicon import Lexicon
from services.flightdata.places.nearby import nearby

DEFAULT_RESULTS = 20
REMEMBERED = 512
"""Searches whose legs are held ready: what is asked for again is told from a cache, and should cost no more than that."""


@dataclass(frozen=True, slots=True)
class JourneyLeg:
    """From a place to another on a day. Places are codes of airports or metropolitan areas; the day is the departure airport's."""

    origin: str
    destination: str
    date: date


@dataclass(frozen=True, slots=True)
class SearchQuery:
    """What the caller looks for: a first leg, and `further` ones in the order of travel.

    The day of a journey of one leg may be up to `flexible` days earlier or later. `via` is a code of a place to change at on the first leg.
    """

    origin: str
    destination: str
    date: date
    filters: Filters = field(default_factory=Filters)
    sort: Sort = Sort.EARLIEST
    cabin: Cabin = Cabin.ECONOMY
    party: Party = field(default_factory=Party)
    limit: int = DEFAULT_RESULTS
    further: tuple[JourneyLeg, ...] = ()
    flexible: int = 0
    nearby: bool = False
    bags: int = 0
    via: str = ""

    @property
    def legs(self) -> tuple[JourneyLeg, ...]:
        """All legs, in the order of travel."""
        return (JourneyLeg(self.origin, self.destination, self.date), *self.further)


@dataclass(frozen=True, slots=True)
class LegQuery:
    """What is asked for a leg on a day, and what of the answer is wanted."""

    leg: int
    query: FlightQuery
    filters: Filters


def leg_queries(
    lexicon: Lexicon, query: SearchQuery, now: datetime
) -> tuple[list[LegQuery], frozenset[Limit]]:
    """What to ask for a search, and what of the search can't be done.

    Raises:
        PlaceNotFound: a code is nobody's.
        SamePlace: the codes of a leg, or of a change and an end, lie in one city.
        DateInPast, DateBeyondHorizon: a day isn't one that can be flown on.
    """
    asked = list(_on_any_day(lexicon, query))
    for leg in query.legs:
        check_departure(leg.date, lexicon.place(leg.origin).zone, now)
    if not query.flexible:
        return asked, frozenset()
    if query.further:
        return asked, frozenset({Limit.FLEXIBLE_LEGS})
    return _moved(asked[0], lexicon.place(query.origin).zone, query.flexible, now)


@lru_cache(maxsize=REMEMBERED)
def _on_any_day(lexicon: Lexicon, query: SearchQuery) -> tuple[LegQuery, ...]:
    """A query for each leg, whether or not its day can be flown on."""
    currency = lexicon.currencies.get(lexicon.place(query.origin).country_code, "")
    return tuple(_leg_query(lexicon, query, number, leg, currency) for number, leg in enumerate(query.legs))


def _leg_query(lexicon: Lexicon, query: SearchQuery, number: int, leg: JourneyLeg, currency: str) -> LegQuery:
    origin, destination = lexicon.place(leg.origin), lexicon.place(leg.destination)
    _check_apart(lexicon, origin, destination)
    via = _via(lexicon, query, origin, destination) if number == 0 else ()
    origins, destinations = origin.airports, destination.airports
    if query.nearby:
        origins = (*origins, *(code for code in nearby(lexicon, origin) if code not in destinations))
        destinations = (
            *destinations,
            *(code for code in nearby(lexicon, destination) if code not in origins),
        )
    asked = FlightQuery(
        origins,
        destinations,
        leg.date,
        query.cabin,
        query.party,
        currency,
        max_stops=query.filters.max_stops,
        via=via,
        bags=query.bags,
    )
    filters = query.filters if number == 0 else replace(query.filters, departs=ANY_TIME, arrives=ANY_TIME)
    return LegQuery(number, asked, replace(filters, via=frozenset(via)))


def _via(lexicon: Lexicon, query: SearchQuery, origin: Place, destination: Place) -> tuple[str, ...]:
    if not query.via:
        return ()
    place = lexicon.place(query.via)
    _check_apart(lexicon, origin, place)
    _check_apart(lexicon, place, destination)
    return place.airports


def _check_apart(lexicon: Lexicon, one: Place, other: Place) -> None:
    if lexicon.metro_of(one) == lexicon.metro_of(other):
        raise SamePlace(one.code, one.city)


def _moved(
    asked: LegQuery, zone: str, flexible: int, now: datetime
) -> tuple[list[LegQuery], frozenset[Limit]]:
    """The query for each day near the one asked for that can be flown on."""
    days = [asked.query.date + timedelta(days=ahead) for ahead in range(-flexible, flexible + 1)]
    flown = [day for day in days if _can_be_flown_on(day, zone, now)]
    limits = frozenset({Limit.DAYS} if len(flown) < len(days) else ())
    return [replace(asked, query=replace(asked.query, date=day)) for day in flown], limits


def _can_be_flown_on(day: date, zone: str, now: datetime) -> bool:
    try:
        check_departure(day, zone, now)
    except (DateInPast, DateBeyondHorizon):
        return False
    return True
