"""Candidates for a few words, their confidence, and ambiguous cases."""

from __future__ import annotations

import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from services.flightdata.places import Kind, PlaceNotRecognised, resolve

pytestmark = pytest.mark.unit


@pytest.mark.parametrize(
    ("query", "code"),
    {
        "MAA": "MAA",
        "maa": "MAA",
        "m a a": "MAA",
        "Mike Alpha Alpha": "MAA",
        "Chennai": "MAA",
        "Madras": "MAA",
        "Bombay": "BOM",
        "Calcutta": "CCU",
        "Bangalore": "BLR",
        "Trivandrum": "TRV",
        "Cochin": "COK",
        "Saigon": "SGN",
        "Peking": "BJS",
        "New Delhi": "DEL",
        "Londres": "LON",
        "São Paulo": "SAO",
        "sao paulo": "SAO",
        "Kiev": "IEV",
        "Istanbul": "IST",
        "Istanbul airport": "IST",
        "Heathrow": "LHR",
        "Noida": "DXN",
        "Navi Mumbai": "NMI",
        "Hindon": "HDO",
        "Bishkek": "BSZ",
        "Astana": "NQZ",
        "Goa": "GOI",
        "the Maldives": "MLE",
        "Bali": "DPS",
    }.items(),
)
def test_exact_codes_names_and_aliases_are_certain(query: str, code: str) -> None:
    found = resolve(query)
    assert found.candidates[0].place.code == code
    assert found.candidates[0].score == 1.0
    assert found.confident


@pytest.mark.parametrize("query", ["IST", "ist", "I S T", "IST airport"])
def test_a_code_means_the_airport_and_the_name_means_the_city(query: str) -> None:
    assert resolve(query).candidates[0].place.airports == ("IST",)
    assert resolve("Istanbul").candidates[0].place.airports == ("IST", "SAW")


def test_a_code_in_capitals_that_is_also_a_citys_name_is_not_confident() -> None:
    found = resolve("GOA")
    assert [candidate.place.city for candidate in found.candidates] == ["Genoa", "Goa"]
    assert not found.confident


@pytest.mark.parametrize(
    ("query", "code"),
    {"GOA airport": "GOA", "G O A": "GOA", "Genoa": "GOA", "Goa": "GOI", "MAN": "MAN"}.items(),
)
def test_such_a_code_or_city_can_be_named_without_doubt(query: str, code: str) -> None:
    found = resolve(query)
    assert found.candidates[0].place.code == code
    assert found.confident


@pytest.mark.parametrize(
    ("given_up", "today"),
    {"FRU": "BSZ", "TSE": "NQZ", "TXL": "BER", "ISL": "IST", "SXF": "BER", "YMQ": "YUL"}.items(),
)
def test_withdrawn_codes_map_to_todays_airport(given_up: str, today: str) -> None:
    assert resolve(given_up).candidates[0].place.code == today


@pytest.mark.parametrize("query", ["Birmingham", "San José", "Portland"])
def test_namesakes_of_similar_popularity_are_not_confident(query: str) -> None:
    found = resolve(query)
    assert not found.confident
    assert found.candidates[1].likeness == 1.0


@pytest.mark.parametrize(("query", "code", "twin"), [("Hyderabad", "HYD", "HDD"), ("Sydney", "SYD", "YQY")])
def test_a_lesser_twin_stays_a_candidate_without_raising_doubt(query: str, code: str, twin: str) -> None:
    found = resolve(query)
    assert found.candidates[0].place.code == code
    assert twin in [c.place.code for c in resolve(query, limit=6).candidates if c.likeness == 1.0]
    assert found.confident


def test_the_callers_country_settles_twins() -> None:
    assert resolve("Birmingham", home_country="US").candidates[0].place.code == "BHM"
    assert resolve("Birmingham", home_country="GB").confident


@pytest.mark.parametrize(
    ("garbled", "code"),
    {
        "chinai": "MAA",
        "cochi": "COK",
        "lookno": "LKO",
        "bangaloreo": "BLR",
        "lumbai": "BOM",
        "deli": "DEL",
        "vishaka putnam": "VTZ",
    }.items(),
)
def test_garbled_names_resolve(garbled: str, code: str) -> None:
    assert resolve(garbled).candidates[0].place.code == code


def test_a_metropolitan_area_opens_into_its_airports_the_most_used_first() -> None:
    place = resolve("London").candidates[0].place
    assert place.kind is Kind.METRO
    assert place.airports[:2] == ("LHR", "LGW")


@pytest.mark.parametrize(
    "query", ["xqzv", "qqqqqqqq", "?!", "   ", "दिल्ली", "7", "zzzzzzzzzzzzzzzzzzzzzzzzzzzz"]
)
def test_words_that_name_nothing_are_not_recognised(query: str) -> None:
    with pytest.raises(PlaceNotRecognised):
        resolve(query)


def test_a_similar_sound_never_wins_with_most_letters_wrong() -> None:
    assert all(c.likeness <= 0.9 or c.place.code == "NCE" for c in resolve("knees").candidates)


@settings(max_examples=60, deadline=None)
@given(st.text(max_size=200), st.sampled_from(["", "IN", "US", "ZZ"]), st.integers(1, 10))
def test_any_text_resolves_or_is_refused_and_scores_stay_in_range(query: str, home: str, limit: int) -> None:
    try:
        found = resolve(query, home_country=home, limit=limit)
    except PlaceNotRecognised:
        return
    scores = [c.score for c in found.candidates]
    assert 1 <= len(scores) <= limit
    assert scores == sorted(scores, reverse=True)
    assert all(0 <= score <= 1 for score in scores)
    assert 0 <= found.margin <= 1


def test_one_name_resolves_in_a_few_milliseconds() -> None:
    resolve("chinai")
    spent = []
    for query in ("chinai", "cochi", "lookno", "bangaloreo", "lumbai") * 4:
        begun = time.thread_time()
        resolve(query)
        spent.append(time.thread_time() - begun)
    assert sorted(spent)[len(spent) // 2] < 0.01
