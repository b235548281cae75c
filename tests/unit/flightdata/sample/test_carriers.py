"""The sample's tables of carriers, hubs and currencies, checked by hand."""

from __future__ import annotations

import pytest

from services.flightdata.data_files import rows
from services.flightdata.places.lexicon import Lexicon
from services.flightdata.sample import tables
from services.flightdata.sample.schedule import Schedule

pytestmark = pytest.mark.unit

NO_LONGER_FLYING = {"9W", "UK", "I5", "G8", "NK", "3K", "OG", "OK", "TZ"}


def test_only_carriers_that_fly_today_fly() -> None:
    assert len(tables.carriers()) >= 90
    assert not NO_LONGER_FLYING & set(tables.carriers())


def test_hubs_lie_in_places_we_know(lexicon: Lexicon) -> None:
    assert all(hub in lexicon.airports for carrier in tables.carriers().values() for hub in carrier.hubs)


def test_first_hub_countries_are_where_a_carrier_is_at_home(lexicon: Lexicon) -> None:
    for carrier in tables.carriers().values():
        assert {lexicon.airports[hub].country_code for hub in carrier.hubs} & carrier.countries, carrier.code


def test_a_country_lies_in_one_region() -> None:
    listed = [country for row in rows(tables.DATA / "regions.tsv") for country in row["countries"].split(",")]
    assert len(listed) == len(set(listed))


@pytest.mark.parametrize(
    "pair", [("DEL", "KHI"), ("LHR", "SVO"), ("TLV", "KUL"), ("JFK", "EWR"), ("LGW", "LHR")]
)
def test_no_flights_cross_closed_borders_or_very_short_distances(
    schedule: Schedule, pair: tuple[str, str]
) -> None:
    first, second = sorted(pair)
    assert (first, second) not in schedule.network.services


def test_carriers_fly_from_or_to_their_own_country(schedule: Schedule, lexicon: Lexicon) -> None:
    for (a, b), services in schedule.network.services.items():
        ends = {lexicon.airports[a].country_code, lexicon.airports[b].country_code}
        for service in services:
            carrier = tables.carriers()[service.carrier]
            assert ends & carrier.countries or carrier.scope, (a, b, service.carrier)


def test_routes_inside_india_are_flown_by_carriers_of_india(schedule: Schedule, lexicon: Lexicon) -> None:
    indian = {code for code, carrier in tables.carriers().items() if "IN" in carrier.countries}
    for (a, b), services in schedule.network.services.items():
        if lexicon.airports[a].country_code == lexicon.airports[b].country_code == "IN":
            assert {service.carrier for service in services} <= indian


@pytest.mark.parametrize("pin", tables.pins(), ids=lambda pin: f"{pin.carrier}{pin.number}")
def test_numbers_that_documentation_names_fly_every_day(schedule: Schedule, pin: tables.Pin) -> None:
    planned = schedule.planned(pin.carrier, pin.number)
    assert planned
    assert (planned.designator.origin, planned.designator.destination) == (pin.origin, pin.destination)
    assert planned.days == 0b1111111
