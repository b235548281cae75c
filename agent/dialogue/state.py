"""What the dialogue remembers from turn to turn."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import date, datetime, time
from enum import StrEnum
from typing import Any
from zoneinfo import ZoneInfo

from agent.dialogue import records
from agent.dialogue.places import Place
from agent.dialogue.tools import Itinerary, SearchFlightsRequest
from agent.language.en.clock_times import TimeWindow
from agent.language.en.dates import CalendarDay, DateExpression, ImpossibleDate
from agent.language.meanings import Expectation


class About(StrEnum):
    """What an open question is about."""

    ORIGIN = "origin"
    DESTINATION = "destination"
    DATE = "date"
    FLIGHT_NUMBER = "flight_number"
    AIRPORT = "airport"
    CONFIRM_PLACE = "confirm_place"
    TOO_MANY = "too_many"
    DROP_WISHES = "drop_wishes"
    RETRY = "retry"
    ANYTHING_ELSE = "anything_else"
    SEARCH_AT_ALL = "search_at_all"
    PASSENGERS = "passengers"


_EXPECTED = {
    About.ORIGIN: Expectation.PLACE,
    About.DESTINATION: Expectation.PLACE,
    About.AIRPORT: Expectation.PLACE,
    About.DATE: Expectation.DATE,
    About.FLIGHT_NUMBER: Expectation.FLIGHT_NUMBER,
    About.PASSENGERS: Expectation.NONE,
}


@dataclass(frozen=True, slots=True)
class Question:
    """The question that is open: `words` as it was asked; for `CONFIRM_PLACE` the slot and what may fill it, the likeliest first; for
    `FLIGHT_NUMBER` the `day` that was said with what is asked about, which the answer needn't repeat.
    """

    about: About
    words: str
    slot: str = ""
    places: tuple[Place, ...] = ()
    day: date | None = None

    @property
    def named(self) -> tuple[Place, ...]:
        """Those of the places that the words offer, each with its country."""
        return tuple(place for place in self.places if place.told in self.words)

    @property
    def expectation(self) -> Expectation:
        """The kind of answer it asks for."""
        return _EXPECTED.get(self.about, Expectation.YES_NO)


@dataclass(frozen=True, slots=True, kw_only=True)
class Draft:
    """The search being put together, or the last one made.

    `depart` stays as it was said until the search: "tomorrow" is known only at the departure airport. `back` is a resolved day, `window`
    the times of departure and `arrival` those of arrival. `airline` is the only one wanted, of `airlines` any will do.
    """

    origin: Place | None = None
    destination: Place | None = None
    via: Place | None = None
    depart: DateExpression | None = None
    back: date | None = None
    window: TimeWindow | None = None
    arrival: TimeWindow | None = None
    airline: str | None = None
    airlines: tuple[str, ...] = ()
    without_airlines: tuple[str, ...] = ()
    nonstop: bool = False
    max_stops: int | None = None
    sort: str | None = None
    cabin: str | None = None
    passengers: int = 1

    def without_wishes(self) -> Draft:
        """The same journey, any flight."""
        any_airline = replace(self, airline=None, airlines=(), without_airlines=())
        return replace(any_airline, window=None, arrival=None, nonstop=False, max_stops=None, via=None)

    def day_on(self, now: datetime, home_zone: str) -> date | None:
        """The day of departure at the departure airport when it is `now`; None when it isn't known or is no day of the calendar."""
        if self.depart is None:
            return None
        zone = self.origin.zone if self.origin else ZoneInfo(home_zone)
        try:
            return self.depart.on(now.astimezone(zone).date())
        except (ImpossibleDate, OverflowError):
            return None

    @property
    def has_wishes(self) -> bool:
        """Whether some flights of the day are ruled out."""
        return self != self.without_wishes()

    @property
    def wishes_of_time_alone(self) -> bool:
        """Whether nothing but the time of day rules flights out."""
        return self.has_wishes and not replace(self, window=None, arrival=None).has_wishes


@dataclass(frozen=True, slots=True)
class Offer:
    """The flights that were found last: what "the second one" points at. `read` of them have been read out."""

    request: SearchFlightsRequest
    itineraries: tuple[Itinerary, ...]
    total: int
    read: int = 0

    @property
    def whole(self) -> bool:
        """Whether these are all that fit: only then the cheapest of them is the cheapest there is."""
        return self.total <= len(self.itineraries)


@dataclass(frozen=True, slots=True)
class ToolRecord:
    """A tool call and its answer as the transcript holds them."""

    name: str
    arguments: Mapping[str, Any]
    outcome: str
    result: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Unsure:
    """Places that words may mean, the likeliest first, and the question that the resolver would ask; empty when it has none."""

    places: tuple[Place, ...]
    question: str = ""


@dataclass(slots=True)
class DialogueState:
    """Everything that one conversation's dialogue knows. `unsure` maps a slot to the places its words may mean, `doubted` to those
    words and places (none when we know no such place).

    `learned` holds what words turned out to mean in this conversation, so that nobody is asked twice about one garble.
    """

    draft: Draft = field(default_factory=Draft)
    drafting: bool = False
    unsure: dict[str, Unsure] = field(default_factory=dict)
    doubted: dict[str, tuple[str, tuple[Place, ...]]] = field(default_factory=dict)
    learned: dict[str, Place] = field(default_factory=dict)
    offer: Offer | None = None
    chosen: Itinerary | None = None
    question: Question | None = None
    said: list[str] = field(default_factory=list)
    sample_told: bool = False
    booking_told: bool = False
    stumbles: int = 0

    @property
    def searched(self) -> bool:
        """Whether there is a finished search to refine."""
        return not self.drafting and self.draft.origin is not None and self.draft.destination is not None

    @classmethod
    def restored(cls, history: Iterable[ToolRecord]) -> DialogueState:
        """The state after these tool calls, so that a new call in the same conversation goes on from the last search.

        Records that can't be read, for example of an older version, are passed over.
        """
        state = cls()
        for record in history:
            try:
                state._recall(record)
            except (KeyError, TypeError, ValueError, AttributeError):
                continue
        return state

    def _recall(self, record: ToolRecord) -> None:
        if record.name != "search_flights" or record.outcome not in ("FOUND", "EMPTY"):
            return
        arguments, result = record.arguments, record.result
        draft = _recalled_draft(
            arguments, Place.from_json(result["origin"]), Place.from_json(result["destination"])
        )
        draft = replace(draft, via=Place.from_json(result["via"]) if result.get("via") else None)
        itineraries = tuple(records.itinerary(data) for data in result.get("itineraries", ()))
        offer = Offer(
            _recalled_request(arguments), itineraries, int(result.get("total", 0)), min(3, len(itineraries))
        )
        self.draft, self.offer = draft, offer


def _day(text: str | None) -> date | None:
    return date.fromisoformat(text) if text else None


def _time(text: str | None) -> time | None:
    return time.fromisoformat(text) if text else None


def _window(arguments: Mapping[str, Any], end: str) -> TimeWindow | None:
    window = TimeWindow(_time(arguments.get(f"{end}_from")), _time(arguments.get(f"{end}_until")))
    return None if window.is_open else window


def _recalled_request(arguments: Mapping[str, Any]) -> SearchFlightsRequest:
    departs, arrives = (_window(arguments, end) or TimeWindow() for end in ("depart", "arrive"))
    return SearchFlightsRequest(
        origin=arguments["origin"],
        destination=arguments["destination"],
        depart_date=date.fromisoformat(arguments["depart_date"]),
        return_date=_day(arguments.get("return_date")),
        depart_from=departs.start,
        depart_until=departs.end,
        arrive_from=arrives.start,
        arrive_until=arrives.end,
        nonstop=bool(arguments.get("nonstop")),
        max_stops=arguments.get("max_stops"),
        via=arguments.get("via", ""),
        carrier_code=arguments.get("carrier_code", ""),
        carrier_codes=tuple(arguments.get("carrier_codes", ())),
        without_carrier_codes=tuple(arguments.get("without_carrier_codes", ())),
        sort=arguments.get("sort", ""),
        cabin=arguments.get("cabin", ""),
        passengers=int(arguments.get("passengers", 1)),
    )


def _recalled_draft(arguments: Mapping[str, Any], origin: Place, destination: Place) -> Draft:
    day = date.fromisoformat(arguments["depart_date"])
    return Draft(
        origin=origin,
        destination=destination,
        depart=CalendarDay(day.day, day.month, day.year),
        back=_day(arguments.get("return_date")),
        window=_window(arguments, "depart"),
        arrival=_window(arguments, "arrive"),
        airline=arguments.get("carrier_code"),
        airlines=tuple(arguments.get("carrier_codes", ())),
        without_airlines=tuple(arguments.get("without_carrier_codes", ())),
        nonstop=bool(arguments.get("nonstop")),
        max_stops=arguments.get("max_stops"),
        sort=arguments.get("sort"),
        cabin=arguments.get("cabin"),
        passengers=int(arguments.get("passengers", 1)),
    )
