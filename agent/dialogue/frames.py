"""Frames: the meaning of an utterance, as an intent and its slots."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date
from enum import StrEnum
from typing import Any

from readback.flightdata.v1 import places_pb2

from agent.dialogue.places import Place
from agent.language.days import DateExpression
from agent.language.meanings import Choice, TimeWindow


class Intent(StrEnum):
    """The purpose of an utterance."""

    SEARCH_FLIGHTS = "search_flights"
    FLIGHT_STATUS = "flight_status"
    AIRPORT_INFO = "airport_info"
    SELECT = "select"
    MORE = "more"
    REFINE = "refine"
    CORRECTION = "correction"
    REPEAT = "repeat"
    HELP = "help"
    GREETING = "greeting"
    THANKS = "thanks"
    GOODBYE = "goodbye"
    AFFIRM = "affirm"
    DENY = "deny"
    OUT_OF_SCOPE = "out_of_scope"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class PlaceSlot:
    """A place name as said, with its candidate `places`, likeliest first; empty for an unknown name.

    `score` is the score of the likeliest candidate. If `confident` is false, confirm the place before using
    it. `question` is the flight-data service's text for that, or empty.
    """

    text: str
    places: tuple[Place, ...] = ()
    score: float = 0.4
    confident: bool = False
    question: str = ""

    @classmethod
    def of(cls, found: places_pb2.PlaceAnnotation) -> PlaceSlot:
        """Return the slot for a place annotation of the flight-data service."""
        places = tuple(Place.of(candidate.place) for candidate in found.candidates)
        return cls(found.text, places, found.candidates[0].score, found.confident, found.question)

    @classmethod
    def certain(cls, place: Place) -> PlaceSlot:
        """Return a slot for a place that needs no confirmation."""
        return cls(place.city, (place,), 1.0, confident=True)

    @property
    def place(self) -> Place | None:
        """The likeliest place, or None if the name is unknown."""
        return self.places[0] if self.places else None

    def to_json(self) -> dict[str, str]:
        """Return `{"text": …, "place": code}`, without `place` if the name is unknown."""
        return {"text": self.text} | ({"place": self.place.code} if self.place else {})


@dataclass(frozen=True, slots=True)
class DateSlot:
    """A day as said, and its date if said today.

    `day` is None if the calendar has no such day, or for the end of a stay whose first day isn't known.
    """

    expression: DateExpression
    day: date | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Slots:
    """Values that an utterance mentions. A slot that it doesn't mention is None.

    `airline` is set if the caller wants exactly one, and `airlines` if any of several will do. A time window
    that is open on both sides means "any time". `any_airline`, `one_way` and `other_day` withdraw earlier
    wishes.
    """

    origin: PlaceSlot | None = None
    destination: PlaceSlot | None = None
    via: PlaceSlot | None = None
    airport: PlaceSlot | None = None
    departure_date: DateSlot | None = None
    depart_time: TimeWindow | None = None
    arrive_time: TimeWindow | None = None
    return_date: DateSlot | None = None
    return_time: TimeWindow | None = None
    one_way: bool | None = None
    other_day: bool | None = None
    airline: str | None = None
    airlines: tuple[str, ...] | None = None
    without_airlines: tuple[str, ...] | None = None
    any_airline: bool | None = None
    flight_number: str | None = None
    max_stops: int | None = None
    nonstop: bool | None = None
    sort: str | None = None
    cabin: str | None = None
    passengers: int | None = None
    choice: Choice | None = None
    topic: str | None = None

    def to_json(self) -> dict[str, Any]:
        """Return the filled slots as JSON values."""
        return {
            name: value
            for name in self.__dataclass_fields__
            if (value := _plain(getattr(self, name))) is not None
        }

    def __bool__(self) -> bool:
        """Return whether any slot is filled."""
        return any(getattr(self, name) is not None for name in self.__dataclass_fields__)


def _plain(value: object) -> object:
    if isinstance(value, DateSlot):
        return value.day and value.day.isoformat()
    if isinstance(value, tuple):
        return list(value)
    return value.to_json() if isinstance(value, PlaceSlot | TimeWindow | Choice) else value


@dataclass(frozen=True, slots=True)
class Frame:
    """Meaning of an utterance. `confidence` is 0 to 1."""

    intent: Intent
    slots: Slots = field(default_factory=Slots)
    confidence: float = 1.0

    def to_json(self) -> dict[str, Any]:
        """Return `{"intent": …, "slots": {…}, "confidence": …}`."""
        return {
            "intent": self.intent.value,
            "slots": self.slots.to_json(),
            "confidence": round(self.confidence, 2),
        }
