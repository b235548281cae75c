"""Queries: a caller's search, the query to a provider for each leg, and the filters on the answers."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date, datetime, time
from enum import Enum

from services.flightdata.model.fares import Cabin
from services.flightdata.model.flights import Itinerary
from services.flightdata.places.place import Kind

Day = date
"""Alias of `date`, for classes with a field that is named `date`."""
DEFAULT_RESULTS = 20


class Sort(Enum):
    """Order of results."""

    EARLIEST = "earliest"
    CHEAPEST = "cheapest"
    FASTEST = "fastest"
    LATEST = "latest"
    ARRIVAL = "arrival"
    BEST = "best"


@dataclass(frozen=True, slots=True)
class Party:
    """The passengers. Children are 2 to 11 years old; infants are younger and sit on a lap."""

    adults: int = 1
    children: int = 0
    infants: int = 0

    @property
    def size(self) -> int:
        """Number of passengers."""
        return self.adults + self.children + self.infants

    @property
    def seats(self) -> int:
        """Number of seats the party needs; infants need none."""
        return self.adults + self.children


@dataclass(frozen=True, slots=True)
class FlightQuery:
    """A query to a provider: flights from any of `origins` to any of `destinations` on a local departure day.

    Airports are sorted by traffic, busiest first, so a provider that pays for each pair may ask only for the
    first pairs. `currency` is an ISO 4217 code. `max_stops` None means any number. `via` lists airports to
    change at; empty means no restriction. `bags` is the number of checked bags for each passenger
    with a seat. If `back`, the local return day, is set, the query is for round trips sold together, which
    needs `Capability.ROUND_TRIPS`.
    """

    origins: tuple[str, ...]
    destinations: tuple[str, ...]
    date: date
    cabin: Cabin = Cabin.ECONOMY
    party: Party = field(default_factory=Party)
    currency: str = ""
    max_stops: int | None = None
    via: tuple[str, ...] = ()
    bags: int = 0
    back: Day | None = None

    @property
    def pairs(self) -> list[tuple[str, str]]:
        """Every pair of an origin and a destination, pairs of the busiest airports first."""
        ranked = [(i + j, i, j) for i in range(len(self.origins)) for j in range(len(self.destinations))]
        return [(self.origins[i], self.destinations[j]) for _, i, j in sorted(ranked)]


@dataclass(frozen=True, slots=True)
class Window:
    """A range of local times of day, from `start` (included) to `end` (excluded).

    None means no limit on that side. If `end` isn't later than `start`, the window spans midnight.
    """

    start: time | None = None
    end: time | None = None

    @property
    def spans_midnight(self) -> bool:
        """True if the window ends on the following day."""
        return bool(self.start and self.end and self.end <= self.start)

    def __contains__(self, moment: time) -> bool:
        """Return whether a time of day is in the window."""
        after_start = self.start is None or moment >= self.start
        before_end = self.end is None or moment < self.end
        return (after_start or before_end) if self.spans_midnight else (after_start and before_end)


ANY_TIME = Window()


@dataclass(frozen=True, slots=True)
class Filters:
    """Conditions that an itinerary of a provider's answer must meet.

    Carriers and `via` (airports to change at) are IATA codes. `max_stops` None means any number.
    """

    departs: Window = ANY_TIME
    arrives: Window = ANY_TIME
    max_stops: int | None = None
    carriers: frozenset[str] = frozenset()
    without_carriers: frozenset[str] = frozenset()
    via: frozenset[str] = frozenset()

    def admit(self, itinerary: Itinerary) -> bool:
        """Return whether an itinerary passes the filters.

        If set, `carriers` must include every marketing carrier. `without_carriers` excludes marketing and
        operating carriers.
        """
        segments = itinerary.segments
        if self.max_stops is not None and len(segments) - 1 > self.max_stops:
            return False
        if self.via and not self.via & {segment.arrival.airport for segment in segments[:-1]}:
            return False
        sold = {segment.carrier_code for segment in segments}
        flown = {segment.operator.carrier_code for segment in segments if segment.operator}
        if (self.carriers and not sold <= self.carriers) or (sold | flown) & self.without_carriers:
            return False
        return itinerary.departure.time.time() in self.departs and self._arrives_in_time(itinerary)

    def _arrives_in_time(self, itinerary: Itinerary) -> bool:
        """Return whether the arrival is in the window, and on the departure day if that is possible.

        For example, "arriving before noon" admits an arrival on the next day only if an arrival on the
        departure day is impossible, because the flight is too long or the wanted departure too late.
        """
        leaves, arrives = (end.time.replace(tzinfo=None) for end in (itinerary.departure, itinerary.arrival))
        window = self.arrives
        if arrives.time() not in window:
            return False
        if window.end is None or window.spans_midnight:
            return True
        limit = datetime.combine(leaves, window.end)
        soonest = datetime.combine(leaves, self.departs.start or time.min) + (arrives - leaves)
        return arrives < limit or soonest >= limit


@dataclass(frozen=True, slots=True)
class SearchLeg:
    """One leg of a search.

    Places are IATA codes of airports or metropolitan areas. The kind of a place is needed for a code of both;
    None means the airport. `date` is the local departure day, and `flexible` the number of days by which the
    departure of a one-leg search may be earlier or later. `via` is a place to change at; it may be empty.
    `nearby` includes airports near both ends. `filters` don't include `via`.
    """

    origin: str
    destination: str
    date: Day
    filters: Filters = field(default_factory=Filters)
    flexible: int = 0
    via: str = ""
    nearby: bool = False
    origin_kind: Kind | None = None
    destination_kind: Kind | None = None
    via_kind: Kind | None = None


@dataclass(frozen=True, slots=True)
class SearchQuery:
    """A caller's search: legs in the order of travel, and the wishes that apply to all of them."""

    legs: tuple[SearchLeg, ...]
    sort: Sort = Sort.EARLIEST
    cabin: Cabin = Cabin.ECONOMY
    party: Party = field(default_factory=Party)
    limit: int = DEFAULT_RESULTS
    bags: int = 0

    @property
    def has_several_legs(self) -> bool:
        """True for a return and for any longer journey."""
        return len(self.legs) > 1
