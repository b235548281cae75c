"""State of the dialogue between turns: the search, the found flights, and the open question."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import date, datetime
from enum import StrEnum
from zoneinfo import ZoneInfo

from readback.flightdata.v1 import flights_pb2

from agent.dialogue.places import Place
from agent.language.days import DateExpression, ImpossibleDate, return_day
from agent.language.found_flight import FoundFlight, Wishes
from agent.language.meanings import Expectation


class About(StrEnum):
    """The subject of an open question."""

    ORIGIN = "origin"
    DESTINATION = "destination"
    DATE = "date"
    RETURN_DATE = "return_date"
    FLIGHT_NUMBER = "flight_number"
    AIRPORT = "airport"
    CONFIRM_PLACE = "confirm_place"
    TOO_MANY = "too_many"
    DROP_WISHES = "drop_wishes"
    RETRY = "retry"
    ANYTHING_ELSE = "anything_else"
    SEARCH_AT_ALL = "search_at_all"
    PASSENGERS = "passengers"
    NEXT_REQUEST = "next_request"


_EXPECTED = {
    About.ORIGIN: Expectation.PLACE,
    About.DESTINATION: Expectation.PLACE,
    About.AIRPORT: Expectation.PLACE,
    About.DATE: Expectation.DATE,
    About.RETURN_DATE: Expectation.DATE,
    About.FLIGHT_NUMBER: Expectation.FLIGHT_NUMBER,
    About.PASSENGERS: Expectation.NONE,
}


@dataclass(frozen=True, slots=True)
class Question:
    """The open question. `words` is its text.

    A `CONFIRM_PLACE` question is about `slot`. `places` are the candidates for it, likeliest first, and
    `offered` are the candidates that `words` mentions. A `FLIGHT_NUMBER` question has the `day` that the
    caller has already named.
    """

    about: About
    words: str
    slot: str = ""
    places: tuple[Place, ...] = ()
    offered: tuple[Place, ...] = ()
    day: date | None = None

    @property
    def expectation(self) -> Expectation:
        """The kind of answer that the question asks for."""
        return _EXPECTED.get(self.about, Expectation.YES_NO)


@dataclass(frozen=True, slots=True, kw_only=True)
class Draft(Wishes):
    """The search that is being prepared, or the last search.

    `depart` is converted to a date only for the search, because the date of "tomorrow" depends on the
    departure airport. `back` is the day of the return flight, which can depend on the departure. `uncounted`
    is True if several people travel and their number isn't known yet.
    """

    origin: Place | None = None
    destination: Place | None = None
    via: Place | None = None
    depart: DateExpression | None = None
    back: DateExpression | None = None
    uncounted: bool = False

    def without_wishes(self) -> Draft:
        """Return the same journey without wishes that exclude flights."""
        any_airline = replace(self, airline=None, airlines=(), without_airlines=())
        any_time = replace(any_airline, window=None, arrival=None, returning=None)
        return replace(any_time, nonstop=False, max_stops=None, via=None)

    def day_on(self, now: datetime, home_zone: str) -> date | None:
        """Return the local date of departure, resolved at time `now`. None if it is unknown or impossible."""
        if self.depart is None:
            return None
        zone = self.origin.zone if self.origin else ZoneInfo(home_zone)
        try:
            return self.depart.on(now.astimezone(zone).date())
        except (ImpossibleDate, OverflowError):
            return None

    def return_on(self, now: datetime, home_zone: str) -> date | None:
        """Return the local date of the return flight. None if it is unknown or impossible."""
        leaving = self.day_on(now, home_zone)
        if self.back is None or leaving is None:
            return None
        zone = self.origin.zone if self.origin else ZoneInfo(home_zone)
        try:
            return return_day(self.back, now.astimezone(zone).date(), leaving)
        except (ImpossibleDate, OverflowError):
            return None

    @property
    def has_wishes(self) -> bool:
        """True if the draft has wishes that can exclude flights."""
        return self != self.without_wishes()

    @property
    def has_only_time_wishes(self) -> bool:
        """True if the only wishes that can exclude flights are times of day."""
        return self.has_wishes and not replace(self, window=None, arrival=None, returning=None).has_wishes


@dataclass(frozen=True, slots=True)
class FlightList:
    """The flights of the last search. The first `read` of them have been read out."""

    request: flights_pb2.SearchFlightsRequest
    flights: tuple[FoundFlight, ...]
    total: int
    read: int = 0

    @property
    def complete(self) -> bool:
        """True if `flights` has all matching flights. Only then its cheapest one is the cheapest of all."""
        return self.total <= len(self.flights)


@dataclass(frozen=True, slots=True)
class Unsure:
    """Candidates for an uncertain place, likeliest first, and the flight-data service's question or ""."""

    places: tuple[Place, ...]
    question: str = ""


@dataclass(slots=True)
class DialogueState:
    """The state of one conversation's dialogue.

    `unsure` has the candidates of each slot that the agent must still confirm. `doubted` has the words of
    each uncertain slot and their candidates, which are empty for an unknown place. `learned` has the place of
    each confirmed name, so that the agent asks about the same misrecognised name only once. `tried` is True
    if a search with this draft has run, even without a result. `remembered` is the text of further requests
    of an utterance, to be answered after the first, or "".
    """

    draft: Draft = field(default_factory=Draft)
    drafting: bool = False
    tried: bool = False
    unsure: dict[str, Unsure] = field(default_factory=dict)
    doubted: dict[str, tuple[str, tuple[Place, ...]]] = field(default_factory=dict)
    learned: dict[str, Place] = field(default_factory=dict)
    flight_list: FlightList | None = None
    chosen: FoundFlight | None = None
    question: Question | None = None
    last_answer: list[str] = field(default_factory=list)
    sample_mentioned: bool = False
    booking_mentioned: bool = False
    stumbles: int = 0
    remembered: str = ""

    @property
    def searched(self) -> bool:
        """True if there is a finished search, which the caller can refine."""
        return not self.drafting and self.draft.origin is not None and self.draft.destination is not None
