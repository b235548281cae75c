"""Dates of public holidays, by the caller's country. The table is built by `tools/build_holidays.py`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from functools import cache
from pathlib import Path

from agent.language.days import ImpossibleDate

_TABLE = Path(__file__).with_suffix(".tsv")
_OTHER_COUNTRIES = ("US", "GB", "IN", "CA", "AU", "DE")
"""Countries whose holidays count if the caller's own country has no holiday of that name."""


@dataclass(frozen=True, slots=True)
class PublicHoliday:
    """The next holiday of this name, which may be today: "Independence Day".

    `name` is the English name in the table, and `country` the caller's ISO 3166-1 alpha-2 code.
    """

    name: str
    country: str

    def on(self, today: date, reference: date | None = None) -> date:  # noqa: ARG002 - one signature for all expressions
        """Return the date if today is `today`.

        Raises:
            ImpossibleDate: the table has no such holiday after today.
        """
        for country in (self.country, *_OTHER_COUNTRIES):
            days = _holidays().get((self.name, country), ())
            if following := next((day for day in days if day >= today), None):
                return following
        raise ImpossibleDate(f"{self.name} in {self.country}")


@cache
def _holidays() -> Mapping[tuple[str, str], tuple[date, ...]]:
    """Return the dates by name and country."""
    table: dict[tuple[str, str], tuple[date, ...]] = {}
    for line in _TABLE.read_text(encoding="utf-8").splitlines():
        if line.startswith("#"):
            continue
        name, countries, days = line.split("\t")
        dates = tuple(date.fromisoformat(day) for day in days.split())
        table |= dict.fromkeys(((name, country) for country in countries.split()), dates)
    return table
