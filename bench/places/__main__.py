"""Accuracy and speed of place annotation on transcripts of requests.

    python -m bench.places [--json] [CORPUS…]

The default corpora are real transcripts and garbled texts written by hand (`voice` "written"), reported
separately. A corpus line has the spoken text, the transcript, and the codes of the places. A place counts as
found if an annotation's first (top-1) or any (top-3) candidate lies in the right city. `wrong_when_sure` is
the share of wrong ones among the confident annotations, on which the agent acts without asking.
"""

from __future__ import annotations

import argparse
import json
import time
from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from statistics import quantiles
from typing import Any

from services.flightdata import places

CORPUS = Path(__file__).with_name("corpus.jsonl")
WRITTEN = Path(__file__).with_name("written.jsonl")


@dataclass
class Tally:
    """Counts over some requests."""

    requests: int = 0
    places: int = 0
    top1: int = 0
    top3: int = 0
    whole: int = 0
    spurious: int = 0
    sure: int = 0
    wrong_when_sure: int = 0
    milliseconds: list[float] = field(default_factory=list)

    def add(self, heard: str, meant: list[str]) -> None:
        """Annotate the transcript `heard`, and compare the annotations with the codes of the places meant."""
        begun = time.perf_counter()
        found = places.annotate(heard)
        self.milliseconds.append(1000 * (time.perf_counter() - begun))
        cities = [city(code) for code in meant]
        first = [city(a.resolution.candidates[0].place.code) for a in found]
        three = {city(c.place.code) for a in found for c in a.resolution.candidates}
        sure = [city for city, a in zip(first, found, strict=True) if a.resolution.confident]
        self.requests += 1
        self.places += len(cities)
        self.top1 += sum(city in first for city in cities)
        self.top3 += sum(city in three for city in cities)
        self.whole += first == cities
        self.spurious += max(0, len(found) - len(cities))
        self.sure += len(sure)
        self.wrong_when_sure += sum(city not in cities for city in sure)

    def report(self) -> dict[str, float]:
        """Return the shares of places found, and the percentiles of the time."""
        cuts = quantiles(self.milliseconds, n=100) if len(self.milliseconds) > 1 else [0.0] * 99
        return {
            "requests": self.requests,
            "places": self.places,
            "top1": round(self.top1 / max(1, self.places), 3),
            "top3": round(self.top3 / max(1, self.places), 3),
            "whole_request": round(self.whole / max(1, self.requests), 3),
            "spurious": self.spurious,
            "sure": round(self.sure / max(1, self.places), 3),
            "wrong_when_sure": round(self.wrong_when_sure / max(1, self.sure), 3),
            "p50_ms": round(cuts[49], 2),
            "p95_ms": round(cuts[94], 2),
        }


def city(code: str) -> str:
    lexicon = places.load()
    return lexicon.metro_of(lexicon.place(code))


def measure(rows: Iterable[Mapping[str, Any]]) -> dict[str, dict[str, float]]:
    """Return a report for all requests and one per voice."""
    places.annotate("warm up from Chennai to Delhi")
    tallies: dict[str, Tally] = defaultdict(Tally)
    for row in rows:
        for name in ("all", row["voice"]):
            tallies[name].add(row["heard"], row["places"])
    return {name: tally.report() for name, tally in tallies.items()}


def main() -> None:
    """Print the report."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("corpora", nargs="*", type=Path, default=[CORPUS, WRITTEN], metavar="CORPUS")
    parser.add_argument("--json", action="store_true", help="one JSON object instead of a table")
    options = parser.parse_args()
    lines = [line for corpus in options.corpora for line in corpus.read_text(encoding="utf-8").splitlines()]
    reports = measure(map(json.loads, lines))
    if options.json:
        print(json.dumps(reports))
        return
    columns = list(reports["all"])
    print(f"{'voice':16}" + "".join(f"{column:>16}" for column in columns))
    for name, report in reports.items():
        print(f"{name:16}" + "".join(f"{report[column]:>16}" for column in columns))


if __name__ == "__main__":
    main()
