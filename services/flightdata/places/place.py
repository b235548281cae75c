"""Airports, places and candidates for spoken words, with the errors of their lookup."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

from mesh.errors import DomainError


class PlaceNotFound(DomainError):
    """No airport or city has this code."""

    def __init__(self, code: str) -> None:
        super().__init__(f"There is no airport or city with the code {code}.", metadata={"code": code})


class PlaceNotRecognised(DomainError):
    """No known place matches the words."""

    def __init__(self) -> None:
        super().__init__(
            "No known airport or city matches this name; write a city or a three-letter airport code."
        )


class Kind(Enum):
    """The kind of a place."""

    AIRPORT = "airport"
    METRO = "metro"


@dataclass(frozen=True, slots=True)
class Airport:
    """One airport.

    `metro` is the code of its metropolitan area, or its own code if it belongs to none. `region` is the ISO
    3166-2 code of its state or province, without the country. `rank` is its relative traffic, 0 to 1.
    """

    code: str
    icao: str
    name: str
    city: str
    country_code: str
    country: str
    zone: str
    latitude: float
    longitude: float
    elevation_feet: int | None
    metro: str
    region: str
    rank: float


@dataclass(frozen=True, slots=True)
class Place:
    """A destination: an airport, or a city with a metropolitan code and several airports, busiest first.

    `prior` is the popularity, 0 to 1: how likely callers mean this place, whatever the words are. `region` is
    its state or province, as in `Airport`.
    """

    code: str
    kind: Kind
    name: str
    city: str
    country_code: str
    country: str
    zone: str
    airports: tuple[str, ...]
    prior: float
    region: str = ""


@dataclass(frozen=True, slots=True)
class Candidate:
    """A place that words may mean. `score` is 1 for an exact name or code. `likeness` ignores popularity."""

    place: Place
    score: float
    likeness: float


@dataclass(frozen=True, slots=True)
class Resolution:
    """The candidates for some words, best first; there is at least one.

    `margin` is the difference between the two best scores, or 1 for a single candidate. `confident` means
    that the first candidate needs no question to the caller.
    """

    candidates: tuple[Candidate, ...]
    margin: float
    confident: bool


@dataclass(frozen=True, slots=True)
class Annotation:
    """A place found in a sentence. `start` and `end` are positions in code points; `text` is that part."""

    start: int
    end: int
    text: str
    resolution: Resolution
