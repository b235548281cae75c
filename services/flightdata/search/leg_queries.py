"""Queries to providers for a search: one for each leg, or one for each day of a flexible search."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta

from services.flightdata.errors import DateBeyondHorizon, DateInPast, SamePlace
from services.flightdata.model.horizon import check_departure
from services.flightdata.model.queries import ANY_TIME, Filters, FlightQuery, JourneyLeg, SearchQuery
from services.flightdata.model.search_results import Limit
from services.flightdata.places import Place
from services.flightdata.places.geography import nearby
from services.flightdata.places.lexicon import Lexicon


@dataclass(frozen=True, slots=True)
class LegQuery:
    """The query for one leg on one day, and the filters on the answer. `leg` is 0-based."""

    leg: int
    query: FlightQuery
    filters: Filters


def leg_queries(
    lexicon: Lexicon, query: SearchQuery, now: datetime
) -> tuple[list[LegQuery], frozenset[Limit]]:
    """Return the queries for a search, and the limits that are known before a provider is asked.

    Raises:
        PlaceNotFound: a code is unknown.
        SamePlace: two of these are in one city: the origin, the destination and the place to change at.
        DateInPast, DateBeyondHorizon: a day is out of range.
    """
    first = lexicon.meant(query.origin, query.cities)
    currency = lexicon.currencies.get(first.country_code, "")
    queries = [_leg_query(lexicon, query, index, leg, currency) for index, leg in enumerate(query.legs)]
    for leg in query.legs:
        check_departure(leg.date, lexicon.place(leg.origin).zone, now)
    if not query.flexible:
        return queries, frozenset()
    if query.further:
        return queries, frozenset({Limit.FLEXIBLE_LEGS})
    return _on_flexible_days(queries[0], first.zone, query.flexible, now)


def round_trip_query(query: SearchQuery, legs: Sequence[LegQuery]) -> FlightQuery | None:
    """Return one query for both legs, or None if the search isn't for a round trip."""
    out, *further = query.legs
    if len(further) != 1 or (further[0].origin, further[0].destination) != (out.destination, out.origin):
        return None
    return replace(legs[0].query, back=further[0].date)


def _leg_query(lexicon: Lexicon, query: SearchQuery, index: int, leg: JourneyLeg, currency: str) -> LegQuery:
    origin, destination = (lexicon.meant(code, query.cities) for code in (leg.origin, leg.destination))
    _check_apart(lexicon, origin, destination)
    via = _via(lexicon, query, origin, destination) if index == 0 else ()
    origins, destinations = origin.airports, destination.airports
    if query.nearby:
        origins += tuple(code for code in nearby(lexicon, origin) if code not in destinations)
        destinations += tuple(code for code in nearby(lexicon, destination) if code not in origins)
    leg_query = FlightQuery(
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
    filters = query.filters if index == 0 else replace(query.filters, departs=ANY_TIME, arrives=ANY_TIME)
    return LegQuery(index, leg_query, replace(filters, via=frozenset(via)))


def _via(lexicon: Lexicon, query: SearchQuery, origin: Place, destination: Place) -> tuple[str, ...]:
    if not query.via:
        return ()
    place = lexicon.meant(query.via, query.cities)
    _check_apart(lexicon, origin, place)
    _check_apart(lexicon, place, destination)
    return place.airports


def _check_apart(lexicon: Lexicon, one: Place, other: Place) -> None:
    if lexicon.metro_of(one) == lexicon.metro_of(other):
        raise SamePlace(one.code, one.city)


def _on_flexible_days(
    leg: LegQuery, zone: str, flexible: int, now: datetime
) -> tuple[list[LegQuery], frozenset[Limit]]:
    """Return one query for each flexible day that is in range, and a limit if some days aren't."""
    days = [leg.query.date + timedelta(days=ahead) for ahead in range(-flexible, flexible + 1)]
    in_range = [day for day in days if _is_in_range(day, zone, now)]
    limits = frozenset({Limit.DAYS} if len(in_range) < len(days) else ())
    return [replace(leg, query=replace(leg.query, date=day)) for day in in_range], limits


def _is_in_range(day: date, zone: str, now: datetime) -> bool:
    try:
        check_departure(day, zone, now)
    except (DateInPast, DateBeyondHorizon):
        return False
    return True
