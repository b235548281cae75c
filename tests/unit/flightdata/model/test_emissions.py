"""Emissions grow with distance and cabin, and say that they are an estimate, and whose."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.flightdata.model.emissions import LONG_KM, SHORT_KM, estimated
from services.flightdata.model.fares import Cabin

pytestmark = pytest.mark.unit


def test_a_flight_from_chennai_to_delhi_is_about_a_third_of_a_ton() -> None:
    told = estimated([1760], Cabin.ECONOMY)
    assert told.grams == pytest.approx(322_000, rel=0.01)
    assert "estimate" in told.source
    assert "DESNZ" in told.source


@given(st.floats(1, 19_000), st.sampled_from(list(Cabin)))
def test_a_cabin_is_never_better_than_economy(kilometres: float, cabin: Cabin) -> None:
    assert estimated([kilometres], cabin).grams >= estimated([kilometres], Cabin.ECONOMY).grams > 0


@pytest.mark.parametrize("band", [SHORT_KM - 1, SHORT_KM, LONG_KM - 1, LONG_KM])
def test_two_flights_are_the_sum_of_both(band: float) -> None:
    both = estimated([band, 1000], Cabin.BUSINESS).grams
    assert both == pytest.approx(
        estimated([band], Cabin.BUSINESS).grams + estimated([1000], Cabin.BUSINESS).grams, abs=1
    )
