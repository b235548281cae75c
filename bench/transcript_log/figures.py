"""Results of a run, as a table for a terminal, as Markdown, or as one JSON object."""

from __future__ import annotations

import os
import platform
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from rich.table import Table

from bench.transcript_log.aims import AIMS
from bench.transcript_log.interleaved_rounds import Spread


@dataclass(frozen=True, slots=True)
class Figure:
    """The result for one aim."""

    key: str
    spread: Spread
    details: Mapping[str, float] = field(default_factory=dict)
    """Values from which the result is computed. Their names end in the unit."""

    @property
    def met(self) -> bool:
        """True if the median reaches the aim."""
        return AIMS[self.key].met(self.spread.median)


@dataclass(frozen=True, slots=True)
class Measured:
    """All results of a run."""

    figures: Sequence[Figure]
    floors: Mapping[str, Spread]
    missing: Mapping[str, str] = field(default_factory=dict)
    """Traceback of each failed measurement, by the key of its figure."""


def as_json(measured: Measured, machine: Mapping[str, Any], seconds: float) -> dict[str, Any]:
    """Return all results as one object."""
    return {
        "machine": dict(machine),
        "seconds": round(seconds, 1),
        "floors": {name: _json_spread(spread) for name, spread in measured.floors.items()},
        "figures": {
            figure.key: {
                **_json_spread(figure.spread),
                "aim": str(AIMS[figure.key]),
                "met": figure.met,
                "beside": {name: _rounded(value) for name, value in figure.details.items()},
            }
            for figure in measured.figures
        },
        "missing": sorted(measured.missing),
    }


def as_table(measured: Measured, machine: Mapping[str, Any]) -> Table:
    """Return a table of the figures, followed by the floors of the same run."""
    caption = ", ".join(f"{name} {value}" for name, value in machine.items())
    table = Table(title="The transcript log, measured", caption=caption, show_lines=False, pad_edge=False)
    for column in ("what", "median", "range", "aim", ""):
        right = column in ("median", "range", "aim")
        table.add_column(column, justify="right" if right else "left", overflow="fold")
    for figure in measured.figures:
        aim, verdict = AIMS[figure.key], "[green]PASS[/]" if figure.met else "[red]FALLS SHORT[/]"
        details = "  ".join(f"{name} {_rounded(value):g}" for name, value in figure.details.items())
        what = f"[bold]{figure.key}[/]\n{aim.what}\n[dim]{details}[/]"
        table.add_row(what, *_cells(figure.spread), str(aim), verdict, end_section=True)
    for key in measured.missing:
        what = f"[bold]{key}[/]\n{AIMS[key].what}"
        table.add_row(what, "", "", str(AIMS[key]), "[red]MISSING[/]", end_section=True)
    for name, spread in measured.floors.items():
        table.add_row(f"[dim]floor[/] {name}", *_cells(spread), "", "")
    return table


def as_markdown(measured: Measured) -> str:
    """Return figures and floors as a Markdown table."""
    rows = ["| key | what | median | range | aim | |", "|---|---|---|---|---|---|"]
    for figure in measured.figures:
        aim, verdict = AIMS[figure.key], "met" if figure.met else "**falls short**"
        rows.append(
            f"| `{figure.key}` | {aim.what} | {' | '.join(_cells(figure.spread))} | {aim} | {verdict} |"
        )
    rows += [f"| `{key}` | {AIMS[key].what} | missing | | {AIMS[key]} | |" for key in measured.missing]
    for name, spread in measured.floors.items():
        rows.append(f"| *floor* | {name.replace('_', ' ')} | {' | '.join(_cells(spread))} | | |")
    return "\n".join(rows) + "\n"


def machine() -> dict[str, Any]:
    """Return a description of this machine."""
    return {
        "cpus": os.cpu_count(),
        "system": platform.system(),
        "arch": platform.machine(),
        "python": platform.python_version(),
    }


def _cells(spread: Spread) -> tuple[str, str]:
    return f"{_rounded(spread.median):g}", f"{_rounded(spread.least):g} … {_rounded(spread.most):g}"


def _json_spread(spread: Spread) -> dict[str, float]:
    return {"median": _rounded(spread.median), "least": _rounded(spread.least), "most": _rounded(spread.most)}


def _rounded(value: float) -> float:
    """Round to three significant digits; from 1000, to a whole number."""
    return float(f"{value:.3g}") if abs(value) < 1000 else float(round(value))
