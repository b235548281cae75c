"""A search becomes a query for each leg or flexible day, with nearby airports if allowed."""

from __future__ import annotations

from dataclasses import fields, replace
from datetime import UTC, date, datetime, time, timedelta
from typing import Any

import pytest

from services.flightdata.errors import DateBeyondHorizon, DateInPast, SamePlace
from services.flightdata.model.fares import Cabin
from services.flightdata.model.queries import (
    Filters,
    FlightQuery,
    Party,
    SearchLeg,
    SearchQuery,
    Window,
)
from services.flightdata.model.search_results import Limit
from services.flightdata.places import Kind, PlaceNotFound
from services.flightdata.places.geography import MOST_NEARBY, NEAR_KM, distance_km, nearby
from services.flightdata.places.lexicon import Lexicon
from services.flightdata.search.flight_search import search_question
from services.flightdata.search.leg_queries import leg_queries, round_trip_query

pytestmark = pytest.mark.unit

NOW = datetime(2026, 11, 23, 3, 30, tzinfo=UTC)
TODAY = date(2026, 11, 23)
IN_A_WEEK = TODAY + timedelta(days=7)


def test_one_leg_is_one_query(lexicon: Lexicon) -> None:
    (asked,), limits = leg_queries(lexicon, SearchQuery((SearchLeg("MAA", "LON", IN_A_WEEK),), bags=1), NOW)
    assert (asked.leg, asked.query.origins, asked.query.currency, asked.query.bags) == (0, ("MAA",), "INR", 1)
    assert asked.query.destinations == lexicon.place("LON").airports
    assert not limits


def test_each_leg_has_its_own_wishes_and_all_the_same_currency(lexicon: Lexicon) -> None:
    filters = Filters(departs=Window(time(6), time(12)), carriers=frozenset({"AI"}))
    back = SearchLeg("LON", "MAA", IN_A_WEEK + timedelta(days=5), Filters(max_stops=1))
    query = SearchQuery((SearchLeg("MAA", "LON", IN_A_WEEK, filters), back))
    (out, home), _ = leg_queries(lexicon, query, NOW)
    assert (home.leg, home.query.date, home.query.currency) == (1, back.date, "INR")
    assert (out.filters, out.query.max_stops) == (filters, None)
    assert (home.filters, home.query.max_stops) == (Filters(max_stops=1), 1)


def test_flexible_days_in_range_are_queried(lexicon: Lexicon) -> None:
    asked, limits = leg_queries(lexicon, SearchQuery((SearchLeg("MAA", "DEL", IN_A_WEEK, flexible=3),)), NOW)
    assert [(q.query.date - IN_A_WEEK).days for q in asked] == [-3, -2, -1, 0, 1, 2, 3]
    assert not limits
    asked, limits = leg_queries(lexicon, SearchQuery((SearchLeg("MAA", "DEL", TODAY, flexible=2),)), NOW)
    assert [(q.query.date - TODAY).days for q in asked] == [0, 1, 2]
    assert limits == {Limit.DAYS}


def test_flexible_days_of_several_legs_are_ignored_and_reported(lexicon: Lexicon) -> None:
    query = SearchQuery(
        (
            SearchLeg("MAA", "DEL", IN_A_WEEK, flexible=2),
            SearchLeg("DEL", "BOM", IN_A_WEEK),
        )
    )
    asked, limits = leg_queries(lexicon, query, NOW)
    assert len(asked) == 2
    assert limits == {Limit.FLEXIBLE_LEGS}


def test_airports_near_either_end_are_added(lexicon: Lexicon) -> None:
    (asked,), _ = leg_queries(lexicon, SearchQuery((SearchLeg("MAN", "MAA", IN_A_WEEK, nearby=True),)), NOW)
    assert asked.query.origins[0] == "MAN"
    assert "LPL" in asked.query.origins
    assert not set(asked.query.origins) & set(asked.query.destinations)


@pytest.mark.parametrize("code", ["MAN", "MAA", "LON", "NYC", "SYD", "BSL", "SFO"])
def test_nearby_airports_are_near_few_and_not_the_places_own(lexicon: Lexicon, code: str) -> None:
    place = lexicon.place(code)
    near = nearby(lexicon, place)
    assert len(near) <= MOST_NEARBY
    assert not set(near) & set(place.airports)
    assert all(
        distance_km(lexicon.airport(place.airports[0]), lexicon.airport(other)) <= NEAR_KM for other in near
    )


@pytest.mark.parametrize("code", ["IST", "BKK", "BRU", "DFW"])
def test_a_code_means_its_airport_alone_unless_the_city_is_asked_for(lexicon: Lexicon, code: str) -> None:
    (one,), _ = leg_queries(lexicon, SearchQuery((SearchLeg(code, "MAA", IN_A_WEEK),)), NOW)
    (all_,), _ = leg_queries(
        lexicon, SearchQuery((SearchLeg(code, "MAA", IN_A_WEEK, origin_kind=Kind.METRO),)), NOW
    )
    assert one.query.origins == (code,)
    assert all_.query.origins == lexicon.place(code).airports
    assert len(all_.query.origins) > 1


def test_a_field_with_two_codes_is_asked_for_under_both(lexicon: Lexicon) -> None:
    for code in ("PBI", "DJT"):
        (asked,), _ = leg_queries(lexicon, SearchQuery((SearchLeg(code, "MAA", IN_A_WEEK),)), NOW)
        assert asked.query.origins == ("PBI", "DJT")


@pytest.mark.parametrize(("code", "kind"), [("LON", Kind.AIRPORT), ("MAA", Kind.METRO)])
def test_a_code_without_a_place_of_the_wanted_kind_is_unknown(
    lexicon: Lexicon, code: str, kind: Kind
) -> None:
    query = SearchQuery((SearchLeg("DXB", code, IN_A_WEEK, destination_kind=kind),))
    with pytest.raises(PlaceNotFound):
        leg_queries(lexicon, query, NOW)


def test_a_round_trip_is_asked_for_with_the_wishes_of_both_legs(lexicon: Lexicon) -> None:
    nonstop, one_stop = (Filters(max_stops=most) for most in (0, 1))
    for out, back, most in ((nonstop, one_stop, 1), (nonstop, nonstop, 0), (nonstop, Filters(), None)):
        legs = SearchLeg("MAA", "LON", IN_A_WEEK, out), SearchLeg("LON", "MAA", IN_A_WEEK, back)
        both = round_trip_query(leg_queries(lexicon, SearchQuery(legs), NOW)[0])
        assert both
        assert (both.back, both.max_stops) == (IN_A_WEEK, most)


def test_a_place_to_change_at_applies_to_its_leg_only(lexicon: Lexicon) -> None:
    back = SearchLeg("LHR", "MAA", IN_A_WEEK)
    (out, home), _ = leg_queries(
        lexicon,
        SearchQuery(
            (
                SearchLeg("MAA", "LHR", IN_A_WEEK, via="DXB", via_kind=Kind.METRO),
                back,
            ),
        ),
        NOW,
    )
    assert (out.query.via, out.filters.via) == (
        lexicon.place("DXB").airports,
        frozenset(lexicon.place("DXB").airports),
    )
    assert (home.query.via, home.filters.via) == ((), frozenset())


@pytest.mark.parametrize(
    ("query", "error"),
    [
        (SearchQuery((SearchLeg("LHR", "LGW", IN_A_WEEK),)), SamePlace),
        (SearchQuery((SearchLeg("IST", "SAW", IN_A_WEEK),)), SamePlace),
        (SearchQuery((SearchLeg("PBI", "DJT", IN_A_WEEK),)), SamePlace),
        (SearchQuery((SearchLeg("MAA", "LHR", IN_A_WEEK, via="LGW"),)), SamePlace),
        (
            SearchQuery(
                (
                    SearchLeg("MAA", "DEL", IN_A_WEEK),
                    SearchLeg("DEL", "DEL", IN_A_WEEK),
                )
            ),
            SamePlace,
        ),
        (SearchQuery((SearchLeg("MAA", "DEL", TODAY - timedelta(days=1), flexible=3),)), DateInPast),
        (
            SearchQuery(
                (
                    SearchLeg("MAA", "DEL", IN_A_WEEK),
                    SearchLeg("DEL", "MAA", TODAY + timedelta(days=400)),
                )
            ),
            DateBeyondHorizon,
        ),
    ],
    ids=[
        "one city",
        "an airport that has its city's code",
        "one airport with two codes",
        "a change in the city itself",
        "a leg to nowhere",
        "in the past",
        "the way back too far ahead",
    ],
)
def test_impossible_searches_are_refused(
    lexicon: Lexicon, query: SearchQuery, error: type[Exception]
) -> None:
    with pytest.raises(error):
        leg_queries(lexicon, query, NOW)


CHENNAI_DELHI = FlightQuery(("MAA",), ("DEL",), date(2026, 11, 30))


@pytest.mark.parametrize(
    "other",
    [
        {"origins": ("BOM",)},
        {"destinations": ("BLR",)},
        {"date": date(2026, 12, 1)},
        {"cabin": Cabin.BUSINESS},
        {"party": Party(2)},
        {"currency": "EUR"},
        {"max_stops": 0},
        {"via": ("HYD",)},
        {"bags": 1},
        {"back": date(2026, 12, 4)},
    ],
    ids=lambda other: next(iter(other)),
)
def test_every_field_that_may_change_the_answer_makes_another_question(other: dict[str, Any]) -> None:
    assert search_question(replace(CHENNAI_DELHI, **other)).name != search_question(CHENNAI_DELHI).name


def test_no_field_of_a_query_was_forgotten() -> None:
    names = {
        "origins",
        "destinations",
        "date",
        "cabin",
        "party",
        "currency",
        "max_stops",
        "via",
        "bags",
        "back",
    }
    assert {field.name for field in fields(FlightQuery)} == names
