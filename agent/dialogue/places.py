"""Places as the dialogue sees them, and who finds them in a sentence."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol
from zoneinfo import ZoneInfo

from agent.language.en.spoken_forms import with_article


@dataclass(frozen=True, slots=True)
class Place:
    """An airport (`kind` "airport") or a city with several airports under its metropolitan code ("metro")."""

    code: str
    name: str
    city: str
    country_code: str
    country: str
    time_zone: str
    kind: str = "airport"
    airport_codes: tuple[str, ...] = ()

    @property
    def told(self) -> str:
        """Says "Kochi in India", "Birmingham in the United Kingdom", as flight data's own questions do."""
        return f"{self.city} in {with_article(self.country)}"

    @property
    def zone(self) -> ZoneInfo:
        """The zone in which this place counts its days."""
        return ZoneInfo(self.time_zone)

    def to_json(self) -> dict[str, Any]:
        """Plain data, for the transcript."""
        return {
            "code": self.code,
            "kind": self.kind,
            "name": self.name,
            "city": self.city,
            "country_code": self.country_code,
            "country": self.country,
            "time_zone": self.time_zone,
            "airport_codes": list(self.airport_codes),
        }

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Place:
        """The inverse of `to_json`; raises KeyError or TypeError for anything else."""
        return cls(**{**data, "airport_codes": tuple(data.get("airport_codes", ()))})


@dataclass(frozen=True, slots=True)
class PlaceCandidate:
    """A place that words may mean; `score` 0 to 1, 1 for an exact name or code."""

    place: Place
    score: float


@dataclass(frozen=True, slots=True)
class PlaceMention:
    """A place found in a sentence, at characters `start`..`end`; candidates the likeliest first, never none.

    `margin` is the first score less the second; `confident` means sure enough to act on without asking; else `question` is
    what to ask, in the words of who knows the places apart, empty when there is nothing to choose between.
    """

    start: int
    end: int
    text: str
    candidates: tuple[PlaceCandidate, ...]
    margin: float = 1.0
    confident: bool = True
    question: str = ""

    @property
    def place(self) -> Place:
        """The likeliest place."""
        return self.candidates[0].place


class PlaceAnnotator(Protocol):
    """Finds every place named in a sentence, also where a recogniser garbled it."""

    async def annotate(self, text: str, *, home_country: str) -> Sequence[PlaceMention]:
        """Mentions in the order of the sentence, without overlap. `home_country` is ISO 3166-1 alpha-2: places there are likelier.

        Raises `ToolUnavailable` when places can't be looked up.
        """
        ...
