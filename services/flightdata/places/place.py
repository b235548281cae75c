"""What the world of places is made of, and what can go wrong with it."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

from mesh.errors import DomainError


class PlaceNotFound(DomainError):
    """No airport or city has this code."""

    def __init__(self, code: str) -> None:
        super().__init__(f"There is no airport or city with the code {code}.", metadata={"code": code})


class PlaceNotRecognised(DomainError):
    """The words name no place we know."""

    def __init__(self) -> None:
        super().__init__("These words name no place we know.")


class Kind(Enum):
    """What a place is."""

    AIRPORT = "airport"
    METRO = "metro"


@dataclass(frozen=True, slots=True)
class Airport:
    """One airport. `metro` is its metropolitan area's code, its own when it stands alone; `rank` is how busy it is, 0 to 1."""

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
    """Somewhere one can fly to: an airport, or a city with several under its metropolitan code.

    `prior` is how likely anybody means it, 0 to 1, before a word is heard.
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
    """A place that words may mean; `score` 1 is an exact name or code. `likeness` leaves popularity out."""

    place: Place
    score: float
    likeness: float


@dataclass(frozen=True, slots=True)
class Resolution:
    """What words may mean, the likeliest first; never empty. `margin` is the first's score less the second's, 1 when alone."""

    candidates: tuple[Candidate, ...]
    margin: float
    confident: bool


@dataclass(frozen=True, slots=True)
class Annotation:
    """A place found in `text[start:end]` of a sentence (code points)."""

    start: int
    end: int
    text: str
    resolution: Resolution
