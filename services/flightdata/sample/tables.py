"""The sample timetable's data files, loaded once."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from services.flightdata.data_files import rows
from services.flightdata.model.carriers import names

DATA = Path(__file__).with_name("data")


@dataclass(frozen=True, slots=True, eq=False)
class Carrier:
    """An airline.

    `countries` are those with domestic flights, `hubs` its home airports, and `scope` a region within which
    it flies between any countries. Compared by identity, since hashing the fields would slow the network
    down.
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
    """A currency of fares: units per US dollar, rounding step, and price level."""

    code: str
    per_dollar: float
    step: int
    level: float


@dataclass(frozen=True, slots=True)
class Pin:
    """A flight number that the documentation names, with its route."""

    carrier: str
    number: int
    origin: str
    destination: str


def _codes(cell: str | None) -> frozenset[str]:
    return frozenset(filter(None, (cell or "").split(",")))


@cache
def carriers() -> Mapping[str, Carrier]:
    """Load the carriers by code."""
    return {r["code"]: _carrier(r) for r in rows(DATA / "carrier_networks.tsv")}


def _carrier(row: dict[str, str]) -> Carrier:
    return Carrier(
        code=row["code"],
        name=names()[row["code"]],
        low_cost=row["kind"] == "low",
        long_haul=row["range"] == "long",
        countries=_codes(row["countries"]),
        hubs=_codes(row["hubs"]),
        scope=row["scope"] or "",
        size=float(row["size"] or 1),
    )


@cache
def currencies() -> Mapping[str, Currency]:
    """Load the currencies by ISO 4217 code."""
    return {
        r["currency"]: Currency(r["currency"], float(r["per_dollar"]), int(r["step"]), float(r["level"]))
        for r in rows(DATA / "currencies.tsv")
    }


@cache
def regions() -> Mapping[str, str]:
    """Load the region of each country."""
    return {country: r["region"] for r in rows(DATA / "regions.tsv") for country in r["countries"].split(",")}


@cache
def closed_borders() -> frozenset[tuple[str, str]]:
    """Load the pairs of countries without flights between them, in both orders."""
    pairs = {(r["country"], other) for r in rows(DATA / "closed_borders.tsv") for other in r["to"].split(",")}
    return frozenset(pairs | {(b, a) for a, b in pairs})


@cache
def core_airports() -> tuple[str, ...]:
    """Load the airports whose pairs are all linked, busiest first."""
    lines = (DATA / "core_airports.txt").read_text(encoding="utf-8").splitlines()
    return tuple(code for line in lines if not line.startswith("#") for code in line.split())


@cache
def pinned() -> frozenset[str]:
    """Return the pinned flight numbers."""
    return frozenset(f"{pin.carrier}{pin.number}" for pin in pins())


@cache
def pins() -> tuple[Pin, ...]:
    """Load the flights with a fixed number."""
    return tuple(
        Pin(r["flight"][:2], int(r["flight"][2:]), r["origin"], r["destination"])
        for r in rows(DATA / "pinned_flights.tsv")
    )
