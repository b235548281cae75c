"""Airports, places, and their resolution from words, with the errors of looking them up."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

from mesh.errors import DomainError


class PlaceNotFound(DomainError):
    """No airport or city has this code."""

    def __init__(self, code: str) -> None:
        super().__init__(f"There is no airport or city with the code {code}.", metadata={"code": code})


class PlaceNotRecognised(DomainError):
    """The words match no known place."""

    def __init__(self) -> None:
        super().__init__("These words name no place we know.")


class Kind(Enum):
    """The kind of a place."""

    AIRPORT = "airport"
    METRO = "metro"


@dataclass(frozen=True, slots=True)
class Airport:
    """One airport.

    `metro` is the code of its metropolitan area, or its own code if it stands alone; `rank` is its traffic, 0
    to 1.
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
    elevation_feet: int
    metro: str
    rank: float


@dataclass(frozen=True, slots=True)
class Place:
    """A destination: an airport, or a city with several airports under its metropolitan code.

    `prior` is the probability weight, 0 to 1, that a caller means it, regardless of the words.
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


@dataclass(frozen=True, slots=True)
class Candidate:
    """A place that words may mean. `score` 1 is an exact name or code; `likeness` ignores popularity."""

    place: Place
    score: float
    likeness: float


@dataclass(frozen=True, slots=True)
class Resolution:
    """The non-empty candidates for some words, best first.

    `margin` is the difference between the two best scores, 1 for a single candidate.
    """

    candidates: tuple[Candidate, ...]
    margin: float
    confident: bool


@dataclass(frozen=True, slots=True)
class Annotation:
    """A place found in `text[start:end]` of a sentence, in code points."""

    start: int
    end: int
    text: str
    resolution: Resolution
