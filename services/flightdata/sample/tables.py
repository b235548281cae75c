"""The sample timetable's data files, read once."""

from __future__ import annotations

import csv
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

DATA = Path(__file__).with_name("data")


@dataclass(frozen=True, slots=True, eq=False)
class Carrier:
    """An airline. `countries` are those it flies within, `hubs` the airports it is at home at, `scope` a region it flies all over.

    Compared by identity: there is one of each, and the network asks for their hashes a hundred thousand times.
    """

    code: str
    name: str
    low_cost: bool
    long_haul: bool
    countries: frozenset[str]
    hubs: frozenset[str]
    scope: str
    size: float


@dataclass(frozen=True, slots=True)
class Currency:
    """What fares are quoted in: units a US dollar, the step they are rounded to, and how dear flights from there are."""

    code: str
    per_dollar: float
    step: int
    level: float


@dataclass(frozen=True, slots=True)
class Pin:
    """A flight number that documentation names, with its route."""

    carrier: str
    number: int
    origin: str
    destination: str


def rows(name: str) -> Iterator[dict[str, str]]:
    """Rows of a tab-separated file whose comments begin with `#`."""
    lines = (DATA / name).read_text(encoding="utf-8").splitlines()
    yield from csv.DictReader(
        (line for line in lines if not line.startswith("#")), delimiter="\t", quoting=csv.QUOTE_NONE
    )


def _codes(cell: str | None) -> frozenset[str]:
    return frozenset(filter(None, (cell or "").split(",")))


@lru_cache(maxsize=1)
def carriers() -> Mapping[str, Carrier]:
    """Carriers by code."""
    return {r["code"]: _carrier(r) for r in rows("carriers.tsv")}


def _carrier(row: dict[str, str]) -> Carrier:
    return Carrier(
        code=row["code"],
        name=row["name"],
        low_cost=row["kind"] == "low",
        long_haul=row["range"] == "long",
        countries=_codes(row["countries"]),
        hubs=_codes(row["hubs"]),
        scope=row["scope"] or "",
        size=float(row["size"] or 1),
    )


@lru_cache(maxsize=1)
def currencies() -> Mapping[str, Currency]:
    """Currencies by ISO 4217 code."""
    return {
        r["currency"]: Currency(r["currency"], float(r["per_dollar"]), int(r["step"]), float(r["level"]))
        for r in rows("currencies.tsv")
    }


@lru_cache(maxsize=1)
def regions() -> Mapping[str, str]:
    """Country → region."""
    return {country: r["region"] for r in rows("regions.tsv") for country in r["countries"].split(",")}


@lru_cache(maxsize=1)
def closed_borders() -> frozenset[tuple[str, str]]:
    """Pairs of countries nobody flies between, in both orders."""
    pairs = {(r["country"], other) for r in rows("closed_borders.tsv") for other in r["to"].split(",")}
    return frozenset(pairs | {(b, a) for a, b in pairs})


@lru_cache(maxsize=1)
def core_airports() -> tuple[str, ...]:
    """Airports all of whose pairs are flown, busiest first."""
    lines = (DATA / "core_airports.txt").read_text(encoding="utf-8").splitlines()
    return tuple(code for line in lines if not line.startswith("#") for code in line.split())


@lru_cache(maxsize=1)
def pinned() -> frozenset[str]:
    """The numbers of those flights, carrier code first."""
    return frozenset(f"{pin.carrier}{pin.number}" for pin in pins())


@lru_cache(maxsize=1)
def pins() -> tuple[Pin, ...]:
    """Flights with a number of their own."""
    return tuple(
        Pin(r["flight"][:2], int(r["flight"][2:]), r["origin"], r["destination"])
        for r in rows("pinned_flights.tsv")
    )
