"""The data files of the sample timetable. Each is loaded once."""

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
    """An airline. It is compared by identity, because hashing its fields is slow.

    `countries` are the countries where it has domestic flights. `hubs` are its home airports. `scope` is a
    region in which it flies between any two countries.
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
    """A currency: units per US dollar, rounding `step` of fares, and price `level` where it is used."""

    code: str
    per_dollar: float
    step: int
    level: float


@dataclass(frozen=True, slots=True)
class Pin:
    """A flight that the documentation names: its fixed number and its route."""

    carrier: str
    number: int
    origin: str
    destination: str


def _codes(cell: str | None) -> frozenset[str]:
    return frozenset(filter(None, (cell or "").split(",")))


@cache
def carriers() -> Mapping[str, Carrier]:
    """Return the carriers by IATA code."""
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
    """Return the currencies by ISO 4217 code."""
    return {
        r["currency"]: Currency(r["currency"], float(r["per_dollar"]), int(r["step"]), float(r["level"]))
        for r in rows(DATA / "currencies.tsv")
    }


@cache
def regions() -> Mapping[str, str]:
    """Return the region of each country."""
    return {country: r["region"] for r in rows(DATA / "regions.tsv") for country in r["countries"].split(",")}


@cache
def closed_borders() -> frozenset[tuple[str, str]]:
    """Return the pairs of countries without flights between them, each pair in both orders."""
    pairs = {(r["country"], other) for r in rows(DATA / "closed_borders.tsv") for other in r["to"].split(",")}
    return frozenset(pairs | {(b, a) for a, b in pairs})


@cache
def core_airports() -> tuple[str, ...]:
    """Return the core airports, busiest first. There are flights between every two of them."""
    lines = (DATA / "core_airports.txt").read_text(encoding="utf-8").splitlines()
    return tuple(code for line in lines if not line.startswith("#") for code in line.split())


@cache
def pinned() -> frozenset[str]:
    """Return the pinned flight numbers."""
    return frozenset(f"{pin.carrier}{pin.number}" for pin in pins())


@cache
def pins() -> tuple[Pin, ...]:
    """Return the flights with a fixed number."""
    return tuple(
        Pin(r["flight"][:2], int(r["flight"][2:]), r["origin"], r["destination"])
        for r in rows(DATA / "pinned_flights.tsv")
    )
