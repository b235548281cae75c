"""Plots of the growth of cost, as SVG."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import matplotlib as mpl
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import LogLocator, NullLocator

from bench.plot_style import COLOURS, STYLE, save
from bench.transcript_log.measurements.growth import Growth


@dataclass(frozen=True, slots=True)
class Plot:
    """Title and axis labels of a plot."""

    title: str
    size: str
    rate: str
    wait: str


APPENDS = Plot(
    "Durable appends, one open turn per conversation",
    "conversations at once",
    "acked turns per second",
    "p99 until acked (ms)",
)
CATCHING_UP = Plot(
    "Catching up with a log from its beginning",
    "entries in the log",
    "entries per second",
    "until the first entries (ms)",
)


def draw(growth: Growth, plot: Plot, path: Path) -> None:
    """Write an SVG: rates on the left, waits on the right, all axes logarithmic."""
    with mpl.rc_context(STYLE):
        figure = Figure(figsize=(10, 4.2), layout="constrained")
        figure.suptitle(plot.title)
        left, right = figure.subplots(1, 2)
        for colour, (name, points) in zip(COLOURS, growth.items(), strict=False):
            sizes = [point.size for point in points]
            left.plot(sizes, [point.rate for point in points], "o-", color=colour, label=name)
            right.plot(sizes, [point.wait_ms for point in points], "o-", color=colour)
        _axes(left, plot.size, plot.rate)
        _axes(right, plot.size, plot.wait)
        figure.legend(loc="outside lower center", ncols=len(growth), frameon=False)
        save(figure, path)


def _axes(axes: Axes, size: str, value: str) -> None:
    axes.set(xscale="log", yscale="log", xlabel=size, ylabel=value)
    axes.grid(visible=True)
    axes.xaxis.set_major_formatter("{x:,.0f}")
    axes.yaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
    axes.yaxis.set_major_formatter("{x:,.15g}")
    axes.yaxis.set_minor_locator(NullLocator())
