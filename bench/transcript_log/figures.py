"""What was measured, and how it is told: as a table for people, as one for a page, or as one JSON object."""

from __future__ import annotations

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
    beside: Mapping[str, float] = field(default_factory=dict)
    """What it is made of or should be seen next to; names end in their unit."""

    @property
    def met(self) -> bool:
        """Whether the median reaches the aim."""
        return AIMS[self.key].met(self.spread.median)


@dataclass(frozen=True, slots=True)
class Measured:
    """What a run gave."""

    figures: Sequence[Figure]
    floors: Mapping[str, Spread]
    missing: Mapping[str, str] = field(default_factory=dict)
    """Keys that could not be measured, and why."""


def as_json(measured: Measured, machine: Mapping[str, Any], seconds: float) -> dict[str, Any]:
    """One object with everything."""
    return {
        "machine": dict(machine),
        "seconds": round(seconds, 1),
        "floors": {name: _rounded(spread) for name, spread in measured.floors.items()},
        "figures": {
            figure.key: {
                **_rounded(figure.spread),
                "aim": str(AIMS[figure.key]),
                "met": figure.met,
                "beside": {name: _short(value) for name, value in figure.beside.items()},
            }
            for figure in measured.figures
        },
        "missing": sorted(measured.missing),
    }


def as_table(measured: Measured, machine: Mapping[str, Any]) -> Table:
    """Figures, and below them the floors of the same run."""
    caption = ", ".join(f"{name} {value}" for name, value in machine.items())
    table = Table(title="The transcript log, measured", caption=caption, show_lines=False, pad_edge=False)
    for column, justify in (
        ("what", "left"),
        ("median", "right"),
        ("range", "right"),
        ("aim", "right"),
        ("", "left"),
    ):
        table.add_column(column, justify=justify, overflow="fold")  # type: ignore[arg-type]  # a literal of rich's own
    for figure in measured.figures:
        aim, verdict = AIMS[figure.key], "[green]PASS[/]" if figure.met else "[red]FALLS SHORT[/]"
        beside = "  ".join(f"{name} {_short(value):g}" for name, value in figure.beside.items())
        table.add_row(
            f"[bold]{figure.key}[/]\n{aim.what}\n[dim]{beside}[/]",
            *_cells(figure.spread),
            str(aim),
            verdict,
            end_section=True,
        )
    for key in measured.missing:
        table.add_row(
            f"[bold]{key}[/]\n{AIMS[key].what}", "", "", str(AIMS[key]), "[red]MISSING[/]", end_section=True
        )
    for name, spread in measured.floors.items():
        table.add_row(f"[dim]floor[/] {name}", *_cells(spread), "", "")
    return table


def as_markdown(measured: Measured) -> str:
    """Figures and floors as a table for a page."""
    rows = ["| key | what | median | range | aim | |", "|---|---|---|---|---|---|"]
    for figure in measured.figures:
        aim, (median, reach) = AIMS[figure.key], _cells(figure.spread)
        rows.append(
            f"| `{figure.key}` | {aim.what} | {median} | {reach} | {aim} | {'met' if figure.met else '**falls short**'} |"
        )
    rows += [f"| `{key}` | {AIMS[key].what} | missing | | {AIMS[key]} | |" for key in measured.missing]
    for name, spread in measured.floors.items():
        median, reach = _cells(spread)
        rows.append(f"| *floor* | {name.replace('_', ' ')} | {median} | {reach} | | |")
    return "\n".join(rows) + "\n"


def machine() -> dict[str, Any]:
    """What it was measured on."""
    import os

    return {
        "cpus": os.cpu_count(),
        "system": platform.system(),
        "arch": platform.machine(),
        "python": platform.python_version(),
    }


def _cells(spread: Spread) -> tuple[str, str]:
    return f"{_short(spread.median):g}", f"{_short(spread.least):g} … {_short(spread.most):g}"


def _rounded(spread: Spread) -> dict[str, float]:
    return {"median": _short(spread.median), "least": _short(spread.least), "most": _short(spread.most)}


def _short(value: float) -> float:
    return float(f"{value:.3g}") if abs(value) < 1000 else float(round(value))
