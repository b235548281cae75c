"""The tables are complete, current, and reproduced by their build tool."""

from __future__ import annotations

from zoneinfo import ZoneInfo

import pytest

from services.flightdata.places import Kind, PlaceNotFound
from services.flightdata.places.lexicon import DATA, Lexicon, load
from tools import build_places

pytestmark = pytest.mark.unit


@pytest.mark.timeout(240)  # reads and folds some 290,000 names, which takes minutes on a busy machine
def test_committed_tables_equal_a_fresh_build() -> None:
    for name, text in build_places.build().items():
        assert (DATA / name).read_text(encoding="utf-8") == text, (
            f"{name} is stale: run python -m tools.build_places"
        )


def test_tables_stay_small() -> None:
    assert sum(path.stat().st_size for path in DATA.iterdir()) < 3_000_000


def test_loading_twice_reads_once(lexicon: Lexicon) -> None:
    assert load() is lexicon


@pytest.mark.parametrize("code", ["TXL", "SXF", "ISL", "FRU", "TSE"])
def test_closed_and_recoded_airports_are_no_airports(lexicon: Lexicon, code: str) -> None:
    with pytest.raises(PlaceNotFound):
        lexicon.airport(code)


@pytest.mark.parametrize("code", ["NMI", "DXN", "HDO", "BSZ", "NQZ", "SAG", "SDW", "GOX", "IST"])
def test_new_airports_are_known(lexicon: Lexicon, code: str) -> None:
    assert lexicon.airport(code).code == code


@pytest.mark.parametrize(
    ("metro", "members"),
    {
        "DEL": {"DEL", "DXN", "HDO"},
        "BOM": {"BOM", "NMI"},
        "LON": {"LHR", "LGW", "STN", "LTN", "LCY", "SEN"},
        "NYC": {"JFK", "EWR", "LGA"},
        "IST": {"IST", "SAW"},
        "TYO": {"HND", "NRT"},
        "PAR": {"CDG", "ORY", "BVA"},
    }.items(),
)
def test_cities_hold_their_airports(lexicon: Lexicon, metro: str, members: set[str]) -> None:
    place = lexicon.place(metro)
    assert place.kind is Kind.METRO
    assert set(place.airports) == members
    assert all(lexicon.airport(code).metro == metro for code in members)


@pytest.mark.parametrize("code", ["LON", "NYC", "TYO", "PAR", "ORL", "MKC"])
def test_a_code_of_a_city_means_all_its_airports(lexicon: Lexicon, code: str) -> None:
    assert lexicon.meant(code).airports == lexicon.place(code).airports
    assert len(lexicon.meant(code).airports) > 1


@pytest.mark.parametrize("codes", [("PBI", "DJT"), ("BSL", "MLH", "EAP")])
def test_all_codes_of_a_field_are_one_place(lexicon: Lexicon, codes: tuple[str, ...]) -> None:
    for code in codes:
        assert lexicon.meant(code).kind is Kind.AIRPORT
        assert lexicon.meant(code).airports == codes
        assert lexicon.metro_of(lexicon.meant(code)) == codes[0]


def test_every_airport_has_a_zone_a_country_and_a_place_on_earth(lexicon: Lexicon) -> None:
    for airport in lexicon.airports.values():
        assert ZoneInfo(airport.zone)
        assert len(airport.country_code) == 2
        assert airport.country
        assert airport.name
        assert airport.city
        assert -90 <= airport.latitude <= 90
        assert -180 <= airport.longitude <= 180


def test_every_place_leads_to_airports_of_its_own_country(lexicon: Lexicon) -> None:
    for place in lexicon.places.values():
        assert place.airports
        assert {lexicon.airport(code).country_code for code in place.airports} == {place.country_code}


def test_cities_are_named_as_travellers_say_them(lexicon: Lexicon) -> None:
    said = {
        "MAA": "Chennai",
        "BLR": "Bengaluru",
        "GOI": "Goa",
        "FRA": "Frankfurt",
        "DPS": "Bali",
        "NYC": "New York",
        "ZRH": "Zürich",
    }
    assert {code: lexicon.place(code).city for code in said} == said
