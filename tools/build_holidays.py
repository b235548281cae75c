"""Build `agent/language/public_holidays.tsv` from the calendars of all countries.

    pip install holidays==0.109 && python -m tools.build_holidays [OUT]

Only this tool needs the package, which takes a second and 40 MB to load; the agent reads the table.
"""

from __future__ import annotations

import argparse
import re
from collections import defaultdict
from collections.abc import Iterator
from datetime import date, timedelta
from importlib import import_module
from pathlib import Path
from typing import Any

from agent.language.en.data import load

TABLE = Path("agent/language/public_holidays.tsv")
YEARS = range(2026, 2036)
KINDS = {"public", "optional"}
"""Some countries list common holidays, such as Easter Monday, as optional."""
_SUBDIVISIONS = {"CA": "ON"}
"""Parts that stand for their country: nearly all of Canada has Thanksgiving, but not by national law."""
HEADING = """\
# Public holidays: name, countries, and dates from 2026 to 2035 that these countries share.
# Built from holidays 0.109 (MIT) by tools/build_holidays.py.
"""


def rows(holidays: Any) -> Iterator[list[str]]:
    """Yield the table's rows."""
    names = sorted({entry["name"] for entry in load("holidays").values() if "name" in entry})
    countries: dict[tuple[str, str], list[str]] = defaultdict(list)
    for country in sorted(code for code in holidays.list_supported_countries() if len(code) == 2):
        kinds = KINDS.intersection(holidays.country_holidays(country).supported_categories)
        calendar = holidays.country_holidays(
            country,
            _SUBDIVISIONS.get(country),
            years=YEARS,
            language="en_US",
            observed=False,
            categories=kinds,
        )
        for name in names:
            if days := " ".join(day.strftime("%Y%m%d") for day in _first_days(calendar, name)):
                countries[name, days].append(country)
    for (name, days), where in sorted(countries.items()):
        yield [name, " ".join(where), days]


def _first_days(calendar: Any, name: str) -> Iterator[date]:
    """Yield the days of this name, or of names that begin with it. Of days in a row only the first."""
    days = {
        day
        for day in calendar
        for full in calendar.get_list(day)
        if re.sub(r" \(.*", "", full) in (name, f"{name} Day")
    } or {day for day in calendar if re.search(rf"(?:^|; ){name}\b", calendar[day])}
    yield from sorted(day for day in days if day - timedelta(days=1) not in days)


def main() -> None:
    """Write the table."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("out", nargs="?", type=Path, default=TABLE)
    lines = ["\t".join(cells) for cells in rows(import_module("holidays"))]
    parser.parse_args().out.write_text(HEADING + "\n".join(lines) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
