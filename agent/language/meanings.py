"""Results of the grammars, which are the same for every language."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import time
from enum import StrEnum
from typing import Any, Generic, TypeVar

from agent.language.days import DateExpression
from agent.language.spans import Span

SpanT = TypeVar("SpanT", bound=Span)


class Expectation(StrEnum):
    """The kind of answer that the open question asks for.

    The reading of short answers and the wait at the end of a turn depend on it.
    """

    NONE = "none"
    YES_NO = "yes_no"
    PLACE = "place"
    DATE = "date"
    FLIGHT_NUMBER = "flight_number"


class Completeness(StrEnum):
    """Likelihood that the speaker has finished."""

    COMPLETE = "complete"
    UNKNOWN = "unknown"
    INCOMPLETE = "incomplete"


@dataclass(frozen=True, slots=True)
class TimeWindow:
    """Local times from `start` to before `end`. None means no limit.

    If `end` is not after `start`, it is on the next day.
    """

    start: time | None = None
    end: time | None = None

    @property
    def is_open(self) -> bool:
        """True if the window has no limits."""
        return self.start is None and self.end is None

    @property
    def over_midnight(self) -> bool:
        """True if the window ends on the day after it begins."""
        return self.start is not None and self.end is not None and self.end <= self.start

    def to_json(self) -> dict[str, str]:
        """Return `{"from": "HH:MM", "to": "HH:MM"}` without missing limits."""
        sides = {"from": self.start, "to": self.end}
        return {name: side.strftime("%H:%M") for name, side in sides.items() if side is not None}

    def narrowed(self, other: TimeWindow) -> TimeWindow:
        """Return this window with the limits of `other` in place of its own: "in the morning, after nine"."""
        return TimeWindow(other.start or self.start, other.end or self.end)

    def reversed(self) -> TimeWindow:
        """Return the window of all times outside this one."""
        return TimeWindow(self.end, self.start)


@dataclass(frozen=True, slots=True)
class Choice:
    """Reference to a found flight.

    It names its position (from 1; -1 is the last), a superlative `by` ("cheapest", …), its airline code, or
    its departure time.
    """

    ordinal: int | None = None
    by: str | None = None
    airline: str | None = None
    time: time | None = None

    def to_json(self) -> dict[str, Any]:
        """Return the fields that are set, by name."""
        given = {
            "ordinal": self.ordinal,
            "by": self.by,
            "airline": self.airline,
            "time": self.time and self.time.strftime("%H:%M"),
        }
        return {name: value for name, value in given.items() if value is not None}


@dataclass(frozen=True, slots=True)
class AirlineWish:
    """Wanted and rejected airlines, as IATA codes. `any_airline` withdraws earlier wishes for airlines."""

    wanted: tuple[str, ...] = ()
    unwanted: tuple[str, ...] = ()
    any_airline: bool = False


@dataclass(frozen=True, slots=True)
class Acts:
    """Speech acts at the start of an utterance (yes, no, thanks, …), in order, and the remaining words."""

    names: tuple[str, ...]
    rest: str

    def __contains__(self, name: str) -> bool:
        """Return whether the utterance begins with this act, possibly among others."""
        return name in self.names


@dataclass(slots=True)
class PlaceRoles(Generic[SpanT]):
    """Places by their role in the sentence. `others` are places whose role the words don't state."""

    origin: SpanT | None = None
    destination: SpanT | None = None
    rejected: SpanT | None = None
    via: SpanT | None = None
    others: list[SpanT] = field(default_factory=list)


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """Meaning of an utterance, except for places.

    `pieces` are the recognised words, which are masked before places are looked up. `rejected_day` is a day
    that the caller rejects ("not tomorrow"). `returning` is the time of the return flight. `party` is True if
    several people travel whose number isn't told ("me and my kids").
    """

    pieces: Sequence[Span]
    airlines: AirlineWish
    flight_number: str | None
    depart: DateExpression | None
    rejected_day: DateExpression | None
    back: DateExpression | None
    departing: TimeWindow | None
    arriving: TimeWindow | None
    returning: TimeWindow | None
    passengers: int | None
    party: bool | None
    cabin: str | None
    max_stops: int | None
    nonstop: bool | None
    sort: str | None
    choice: Choice | None
    one_way: bool | None
    other_day: bool | None
