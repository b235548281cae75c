"""Plots are small, readable on light and dark pages, and have labelled axes."""

from __future__ import annotations

from pathlib import Path

import pytest

from bench.plot_style import COLOURS
from bench.transcript_log.measurements.growth import Point
from bench.transcript_log.measurements.plots import APPENDS, CATCHING_UP, draw

pytestmark = pytest.mark.unit

GROWTH = {
    "Readback, SQLite": [Point(1, 900, 2.0), Point(10, 4000, 3.5), Point(1000, 7000, 160)],
    "naive REST": [Point(1, 300, 4.0), Point(10, 500, 30)],
}


@pytest.fixture
def drawn(tmp_path: Path) -> str:
    draw(GROWTH, APPENDS, tmp_path / "docs" / "appends.svg")
    return (tmp_path / "docs" / "appends.svg").read_text("utf-8")


def test_axes_and_lines_are_named_in_text(drawn: str) -> None:
    for words in (APPENDS.title, APPENDS.size, APPENDS.rate, APPENDS.wait, *GROWTH):
        assert words in drawn


def test_ticks_are_plain_numbers(drawn: str) -> None:
    assert ">1,000<" in drawn
    assert "10^{" not in drawn


def test_units_are_on_the_axes() -> None:
    for plot in (APPENDS, CATCHING_UP):
        assert "per second" in plot.rate
        assert "(ms)" in plot.wait


def test_a_plot_has_no_background_of_its_own(drawn: str) -> None:
    assert "#ffffff" not in drawn.lower()
    assert "fill: none" in drawn


def test_a_plot_is_small(drawn: str) -> None:
    assert len(drawn) < 60_000


def test_the_same_figures_give_the_same_file(drawn: str, tmp_path: Path) -> None:
    draw(GROWTH, APPENDS, tmp_path / "again.svg")
    assert (tmp_path / "again.svg").read_text("utf-8") == drawn


def test_every_line_has_a_colour_of_its_own(drawn: str) -> None:
    for colour in COLOURS[: len(GROWTH)]:
        assert colour in drawn
