"""Queries to providers for a search: one for each leg, or one for each day of a flexible search."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta

from services.flightdata.errors import DateBeyondHorizon, DateInPast, SamePlace
from services.flightdata.model.horizon import check_departure
from services.flightdata.model.queries import Filters, FlightQuery, SearchLeg, SearchQuery
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
    places = [_ends(lexicon, leg) for leg in query.legs]
    (first, _), *_ = places
    currency = lexicon.currencies.get(first.country_code, "")
    queries = [_leg_query(lexicon, query, index, *places[index], currency) for index in range(len(places))]
    for leg, (origin, _) in zip(query.legs, places, strict=True):
        check_departure(leg.date, origin.zone, now)
    if not any(leg.flexible for leg in query.legs):
        return queries, frozenset()
    if query.has_several_legs:
        return queries, frozenset({Limit.FLEXIBLE_LEGS})
    return _on_flexible_days(queries[0], first.zone, query.legs[0].flexible, now)


def round_trip_query(legs: Sequence[LegQuery]) -> FlightQuery | None:
    """Return one query for both legs, or None if they aren't the ways out and back of a round trip.

    It asks for the larger number of stops, because the filters of each leg remove the others.
    """
    if len(legs) != 2:
        return None
    out, back = (leg.query for leg in legs)
    if (back.origins, back.destinations) != (out.destinations, out.origins):
        return None
    stops = (out.max_stops, back.max_stops)
    most = None if None in stops else max(filter(None, stops), default=0)
    return replace(out, back=back.date, max_stops=most)


def _ends(lexicon: Lexicon, leg: SearchLeg) -> tuple[Place, Place]:
    origin = lexicon.meant(leg.origin, leg.origin_kind)
    destination = lexicon.meant(leg.destination, leg.destination_kind)
    _check_apart(lexicon, origin, destination)
    return origin, destination


def _leg_query(
    lexicon: Lexicon, query: SearchQuery, index: int, origin: Place, destination: Place, currency: str
) -> LegQuery:
    leg = query.legs[index]
    via = _via(lexicon, leg, origin, destination)
    origins, destinations = origin.airports, destination.airports
    if leg.nearby:
        origins += tuple(code for code in nearby(lexicon, origin) if code not in destinations)
        destinations += tuple(code for code in nearby(lexicon, destination) if code not in origins)
    leg_query = FlightQuery(
        origins,
        destinations,
        leg.date,
        query.cabin,
        query.party,
        currency,
        max_stops=leg.filters.max_stops,
        via=via,
        bags=query.bags,
    )
    return LegQuery(index, leg_query, replace(leg.filters, via=frozenset(via)))


def _via(lexicon: Lexicon, leg: SearchLeg, origin: Place, destination: Place) -> tuple[str, ...]:
    if not leg.via:
        return ()
    place = lexicon.meant(leg.via, leg.via_kind)
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
