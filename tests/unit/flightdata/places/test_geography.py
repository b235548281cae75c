"""Distances and block times agree with published ones."""

from __future__ import annotations

import pytest

from services.flightdata.places.geography import block_minutes, distance_km
from services.flightdata.places.lexicon import Lexicon

pytestmark = pytest.mark.unit


@pytest.mark.parametrize(
    ("origin", "destination", "kilometres"),
    [
        ("MAA", "DEL", 1760),
        ("LHR", "JFK", 5540),
        ("SIN", "JFK", 15_350),
        ("SYD", "SCL", 11_350),
        ("AKL", "NAN", 2160),
    ],
)
def test_great_circles_are_as_long_as_published(
    lexicon: Lexicon, origin: str, destination: str, kilometres: float
) -> None:
    assert distance_km(lexicon.airport(origin), lexicon.airport(destination)) == pytest.approx(
        kilometres, rel=0.01
    )


@pytest.mark.parametrize(
    ("origin", "destination", "minutes"),
    [
        ("MAA", "DEL", 170),
        ("DEL", "BOM", 130),
        ("LHR", "JFK", 480),
        ("JFK", "LHR", 415),
        ("DXB", "LHR", 455),
        ("SIN", "SYD", 470),
        ("MAA", "BLR", 60),
    ],
)
def test_block_times_are_near_the_published_ones(
    lexicon: Lexicon, origin: str, destination: str, minutes: int
) -> None:
    assert block_minutes(lexicon.airport(origin), lexicon.airport(destination)) == pytest.approx(
        minutes, rel=0.12
    )


def test_the_jet_stream_makes_eastbound_shorter(lexicon: Lexicon) -> None:
    new_york, london = lexicon.airport("JFK"), lexicon.airport("LHR")
    assert block_minutes(new_york, london) < block_minutes(london, new_york)


def test_the_way_over_the_date_line_is_the_short_one(lexicon: Lexicon) -> None:
    assert distance_km(lexicon.airport("AKL"), lexicon.airport("HNL")) < 7200
    assert block_minutes(lexicon.airport("NRT"), lexicon.airport("LAX")) < block_minutes(
        lexicon.airport("LAX"), lexicon.airport("NRT")
    )


def test_there_and_back_are_as_far(lexicon: Lexicon) -> None:
    assert distance_km(lexicon.airport("MAA"), lexicon.airport("DEL")) == distance_km(
        lexicon.airport("DEL"), lexicon.airport("MAA")
    )
    assert distance_km(lexicon.airport("MAA"), lexicon.airport("MAA")) == 0
