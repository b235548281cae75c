"""Emissions grow with distance and cabin, and are called an estimate with its source."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.flightdata.model.emissions import LONG_KM, SHORT_KM, SOURCE, estimated_grams
from services.flightdata.model.fares import Cabin

pytestmark = pytest.mark.unit


def test_a_flight_from_chennai_to_delhi_is_about_a_third_of_a_ton() -> None:
    assert estimated_grams([1760], Cabin.ECONOMY) == pytest.approx(322_000, rel=0.01)
    assert "estimate" in SOURCE
    assert "DESNZ" in SOURCE


@given(st.floats(1, 19_000), st.sampled_from(list(Cabin)))
def test_a_cabin_is_never_better_than_economy(kilometres: float, cabin: Cabin) -> None:
    assert estimated_grams([kilometres], cabin) >= estimated_grams([kilometres], Cabin.ECONOMY) > 0


@pytest.mark.parametrize("band", [SHORT_KM - 1, SHORT_KM, LONG_KM - 1, LONG_KM])
def test_two_flights_are_the_sum_of_both(band: float) -> None:
    both = estimated_grams([band, 1000], Cabin.BUSINESS)
    assert both == pytest.approx(
        estimated_grams([band], Cabin.BUSINESS) + estimated_grams([1000], Cabin.BUSINESS), abs=1
    )
