"""What an utterance means: an intent and its slots."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date
from enum import StrEnum
from typing import Any

from agent.dialogue.places import PlaceMention
from agent.language.en.clock_times import TimeWindow
from agent.language.en.dates import DateExpression
from agent.language.en.wishes import Choice


class Intent(StrEnum):
    """What the caller wants of us with an utterance."""

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
    """A place as said. Without a mention we heard words where a place belongs and know no such place."""

    text: str
    mention: PlaceMention | None = None

    def to_json(self) -> dict[str, str]:
        """`{"text": …, "place": code}`; no `place` when we know none."""
        return {"text": self.text} | ({"place": self.mention.place.code} if self.mention else {})


@dataclass(frozen=True, slots=True)
class DateSlot:
    """A day as said and, on the today of the utterance, as meant; `day` is None when no calendar has it."""

    expression: DateExpression
    day: date | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Slots:
    """What an utterance fills in; None for what it doesn't speak of.

    `airline` is the only one wanted, of `airlines` any will do. An open time is "any time"; with `any_airline`, `one_way` and `other_day`
    callers take back what they asked for before.
    """

    origin: PlaceSlot | None = None
    destination: PlaceSlot | None = None
    via: PlaceSlot | None = None
    airport: PlaceSlot | None = None
    depart_date: DateSlot | None = None
    depart_time: TimeWindow | None = None
    arrive_time: TimeWindow | None = None
    return_date: DateSlot | None = None
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
        """Plain data without the absent slots."""
        return {
            name: value
            for name in self.__dataclass_fields__
            if (value := _plain(getattr(self, name))) is not None
        }

    def __bool__(self) -> bool:
        """Whether anything is filled."""
        return any(getattr(self, name) is not None for name in self.__dataclass_fields__)


def _plain(value: object) -> object:
    if isinstance(value, DateSlot):
        return value.day and value.day.isoformat()
    if isinstance(value, tuple):
        return list(value)
    return value.to_json() if isinstance(value, PlaceSlot | TimeWindow | Choice) else value


@dataclass(frozen=True, slots=True)
class Frame:
    """An understood utterance; `confidence` 0 to 1."""

    intent: Intent
    slots: Slots = field(default_factory=Slots)
    confidence: float = 1.0

    def to_json(self) -> dict[str, Any]:
        """`{"intent": …, "slots": {…}, "confidence": …}` as in `schemas/frame.json`."""
        return {
            "intent": self.intent.value,
            "slots": self.slots.to_json(),
            "confidence": round(self.confidence, 2),
        }
