"""All places with all their names. They are loaded once from the tables in `data/`.

`tools/build_places.py` builds the tables from airportsdata and OpenTravelData.
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cache
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from services.flightdata.data_files import gc_paused, rows
from services.flightdata.places.place import Airport, Kind, Place, PlaceNotFound
from services.flightdata.places.text_keys import key, phonemes

DATA = Path(__file__).with_name("data")
HEARD_TRUST = 0.92
"""Likeness of a known mishearing to the name. It is high, but not that of an exact match.

Known mishearings are in `heard.tsv`, which tools/hear_places.py writes.
"""
UNRANKED = 0.002
"""Rank of airports without traffic data. Their names are matched exactly, never by similarity."""
LONGEST_CODE = 3
"""Maximum length of the code of a country or region. Shorter keys in `Lexicon.areas` are codes."""
_OTHER_COUNTRY_NAMES = {"US": ("USA", "America", "the States"), "GB": ("UK", "Britain"), "AE": ("UAE",)}
LEAST_RANK = 0.02
"""Rank below which an airport has hardly any flights."""


@dataclass(frozen=True, slots=True)
class Meaning:
    """A place with a given name.

    `tier` is 0 for the place's English name, 1 for foreign spellings and an airport's own name.
    """

    place: Place
    tier: int


@dataclass(frozen=True)
class Spoken:
    """Names that are also matched by similarity. All sequences except `sounds` have one entry for each name.

    `place_of` is an index into `Lexicon.by_index`. `trust` is a factor on the likeness. Several names can
    have the same phonemes (`Bern`, `Brno`), so `sounds` holds all phonemes without duplicates, and `sound_of`
    is an index into `sounds`.
    """

    keys: Sequence[str]
    sounds: Sequence[str]
    sound_of: NDArray[np.intp]
    place_of: NDArray[np.intp]
    prior: NDArray[np.float32]
    trust: NDArray[np.float32]
    country: NDArray[np.str_]


@dataclass(frozen=True, eq=False)
class Lexicon:
    """Airports, places and their names. There is one instance, so it is compared by identity.

    If a city and an airport have the same code (`IST`), `places` contains the city, and `alone` contains the
    airport if it has flights. City codes without an airport (`YMQ`) and withdrawn codes (`FRU`) map to the
    current airport. The place of an airport with several codes (`PBI`, `DJT`) has all of them as `airports`.
    """

    airports: Mapping[str, Airport]
    places: Mapping[str, Place]
    by_index: Sequence[Place]
    exact: Mapping[str, Sequence[Meaning]]
    spoken: Spoken
    heard: frozenset[str]
    """Keys of known mishearings."""
    currencies: Mapping[str, str]
    """ISO 4217 currency codes by country code."""
    countries: frozenset[str]
    """Keys of country names that aren't city names. They prevent a match of `thailand` with Oakland."""
    areas: Mapping[str, frozenset[tuple[str, str]]]
    """Countries and regions by the keys of their names and codes, as (country, region or "")."""
    alone: Mapping[str, Place] = field(default_factory=dict)

    def airport(self, code: str) -> Airport:
        """Return the airport with an IATA code. Raises `PlaceNotFound`."""
        try:
            return self.airports[code]
        except KeyError:
            raise PlaceNotFound(code) from None

    def place(self, code: str) -> Place:
        """Return the metropolitan area or airport with an IATA code. Raises `PlaceNotFound`."""
        try:
            return self.places[code]
        except KeyError:
            raise PlaceNotFound(code) from None

    def meant(self, code: str, kind: Kind | None = None) -> Place:
        """Return the place of this kind with a code. Without a kind, prefer an airport that has flights.

        Raises:
            PlaceNotFound: no place of this kind has this code.
        """
        place = self.place(code)
        if kind is not Kind.METRO:
            place = self.alone.get(code, place)
        if kind is not None and place.kind is not kind:
            raise PlaceNotFound(code)
        return place

    def metro_of(self, place: Place) -> str:
        """Return the code of the city of a place. Searches between places of one city are rejected."""
        return place.code if place.kind is Kind.METRO else self.airports[place.code].metro


def prior(rank: float) -> float:
    """Return the popularity, 0 to 1, of a place with a traffic rank.

    The scale is logarithmic, because ranks span three powers of ten.
    """
    return min(1.0, max(0.0, 1.0 + math.log10(rank) / 2.7))


def _names(row: dict[str, str]) -> Iterator[tuple[str, int]]:
    yield from ((name, 0) for name in row["spoken"].split("|") if name)
    yield from ((name, 1) for name in row["spellings"].split("|") if name)


def _airport(row: dict[str, str], country: str) -> Airport:
    return Airport(
        code=row["code"],
        icao=row["icao"],
        name=row["name"],
        city=row["city"],
        country_code=row["country"],
        country=country,
        zone=row["zone"],
        latitude=float(row["lat"]),
        longitude=float(row["lon"]),
        elevation_feet=int(row["feet"]) or None,  # the source writes 0 for unknown
        metro=row["metro"],
        region=row["region"],
        rank=float(row["rank"]),
    )


def _place(row: dict[str, str], country: str, *, members: tuple[str, ...]) -> Place:
    return Place(
        code=row["code"],
        kind=Kind.METRO if len(members) > 1 else Kind.AIRPORT,
        name=row.get("name", row["city"]),
        city=row["city"],
        country_code=row["country"],
        country=country,
        zone=row["zone"],
        airports=members,
        prior=prior(float(row["rank"])),
        region=row["region"],
    )


def _fields(airports: Iterable[Airport]) -> Iterator[tuple[str, ...]]:
    """Yield the IATA codes of each field that has several, the most used first.

    One field has one ICAO code. A few ICAO codes in the table are wrong, so the positions must agree too.
    """
    fields: dict[tuple[str, int, int], list[str]] = defaultdict(list)
    for airport in sorted(airports, key=lambda airport: (-airport.rank, airport.code)):
        if airport.icao:
            position = round(airport.latitude * 10), round(airport.longitude * 10)
            fields[airport.icao, *position].append(airport.code)
    yield from (tuple(codes) for codes in fields.values() if len(codes) > 1)


def _unite(codes: tuple[str, ...], airports: dict[str, Airport], places: dict[str, Place]) -> None:
    """Let each code of one field mean all of them, because vendors list its flights under any."""
    metro = airports[codes[0]].metro
    for code in codes:
        airports[code] = replace(airports[code], metro=metro)
        if places[code].kind is Kind.AIRPORT:
            places[code] = replace(places[code], airports=codes)


def _spoken(entries: Mapping[tuple[str, int], float], places: Sequence[Place]) -> Spoken:
    keys = [name for name, _ in entries]
    sound_index: dict[str, int] = {}
    sound_of = np.array(
        [sound_index.setdefault(phonemes(name), len(sound_index)) for name in keys], dtype=np.intp
    )
    place_of = np.array([index for _, index in entries], dtype=np.intp)
    weights = np.array([places[index].prior for index in place_of], dtype=np.float32)
    trust = np.array(list(entries.values()), dtype=np.float32)
    countries = np.array([places[index].country_code for index in place_of])
    return Spoken(keys, list(sound_index), sound_of, place_of, weights, trust, countries)


@cache
@gc_paused()
def load() -> Lexicon:
    """Return the lexicon, loaded from the tables on the first call."""
    countries = {row["code"]: row["name"] for row in rows(DATA / "countries.tsv")}
    currencies = {row["code"]: row["currency"] for row in rows(DATA / "countries.tsv")}
    airports: dict[str, Airport] = {}
    places: dict[str, Place] = {}
    names: dict[str, list[tuple[str, int]]] = {}
    for row in rows(DATA / "airports.tsv"):
        code, country = row["code"], countries.get(row["country"], row["country"])
        airports[code] = _airport(row, country)
        places[code] = _place(row, country, members=(code,))
        names[code] = list(_names(row))
    airport_places = dict(places)
    for row in rows(DATA / "metros.tsv"):
        code, country = row["code"], countries.get(row["country"], row["country"])
        places[code] = _place(row, country, members=tuple(row["members"].split(",")))
        names[code] = [*_names(row), *names.get(code, [])]
    alone = {
        code: airport
        for code, airport in airport_places.items()
        if airport is not places[code] and airports[code].rank >= LEAST_RANK
    }
    for codes in _fields(airports.values()):
        _unite(codes, airports, places)
    lexicon = _assemble(airports, places, names, currencies, _areas(countries), alone)
    places.update((row["code"], places[row["place"]]) for row in rows(DATA / "codes.tsv"))
    return lexicon


def _areas(countries: Mapping[str, str]) -> Mapping[str, frozenset[tuple[str, str]]]:
    """Return countries and regions by name and code."""
    areas: dict[str, set[tuple[str, str]]] = defaultdict(set)
    for code, name in countries.items():
        for known_as in (code, name, *_OTHER_COUNTRY_NAMES.get(code, ())):
            areas[key(known_as)].add((code, ""))
    for row in rows(DATA / "regions.tsv"):
        for known_as in (row["code"], *row["names"].split("|")):
            areas[key(known_as)].add((row["country"], row["code"]))
    return {name: frozenset(found) for name, found in areas.items()}


def _assemble(
    airports: dict[str, Airport],
    places: dict[str, Place],
    names: dict[str, list[tuple[str, int]]],
    currencies: dict[str, str],
    areas: Mapping[str, frozenset[tuple[str, str]]],
    alone: dict[str, Place],
) -> Lexicon:
    by_index = list(places.values())
    exact: dict[str, list[Meaning]] = defaultdict(list)
    entries: dict[tuple[str, int], float] = {}
    heard = [(key(row["heard"]), row["place"]) for row in rows(DATA / "heard.tsv")]
    for index, place in enumerate(by_index):
        tiers: dict[str, int] = {}
        for name, tier in names[place.code]:
            tiers.setdefault(key(name), tier)
        for joined, tier in tiers.items():
            exact[joined].append(Meaning(place, tier))
            if tier == 0 and place.prior > prior(UNRANKED):
                entries[joined, index] = 1.0
    index_of = {place.code: index for index, place in enumerate(by_index)}
    for joined, code in heard:
        entries.setdefault((joined, index_of[code]), HEARD_TRUST)
    return Lexicon(
        airports=airports,
        places=places,
        by_index=by_index,
        exact=dict(exact),
        spoken=_spoken(entries, by_index),
        heard=frozenset(joined for joined, _ in heard),
        currencies=currencies,
        countries=frozenset(name for name in areas if len(name) > LONGEST_CODE) - set(exact),
        areas=areas,
        alone=alone,
    )
