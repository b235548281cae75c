"""What providers are asked, and what of their answers is wanted."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date, datetime, time
from enum import Enum

from services.flightdata.model.fares import Cabin
from services.flightdata.model.flights import Itinerary

Day = date
"""For a class that has a `date` of its own."""


class Sort(Enum):
    """How results are ordered."""

    EARLIEST = "earliest"
    CHEAPEST = "cheapest"
    FASTEST = "fastest"
    LATEST = "latest"
    ARRIVAL = "arrival"
    BEST = "best"


@dataclass(frozen=True, slots=True)
class Party:
    """Who travels. Children are 2 to 11 years old; infants are younger and sit on a lap."""

    adults: int = 1
    children: int = 0
    infants: int = 0

    @property
    def size(self) -> int:
        """How many travel."""
        return self.adults + self.children + self.infants

    @property
    def seats(self) -> int:
        """How many seats they take."""
        return self.adults + self.children


@dataclass(frozen=True, slots=True)
class FlightQuery:
    """What a provider is asked: from any of some airports to any of others, on the day of departure there.

    Airports come the most used first, so a provider that pays for each pair may keep to the first. `currency` is ISO 4217.
    `max_stops` None is any number; `via` are airports to change at, any or none when empty; `bags` are for each passenger with a seat.
    With a day `back` both ways are asked for, sold together; only who has `Capability.ROUND_TRIPS` is asked so.
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
        """Every airport with every other, the most used first."""
        ranked = [(i + j, i, j) for i in range(len(self.origins)) for j in range(len(self.destinations))]
        return [(self.origins[i], self.destinations[j]) for _, i, j in sorted(ranked)]


@dataclass(frozen=True, slots=True)
class Window:
    """Local times of day from `start` up to and without `end`; None is open. One that ends before it begins runs over midnight."""

    start: time | None = None
    end: time | None = None

    def __contains__(self, moment: time) -> bool:
        """Whether a time of day lies in it."""
        if self.start and self.end and self.end <= self.start:
            return moment >= self.start or moment < self.end
        return (self.start is None or moment >= self.start) and (self.end is None or moment < self.end)


ANY_TIME = Window()


@dataclass(frozen=True, slots=True)
class Filters:
    """What of a provider's answer is wanted. `max_stops` None is any number; carriers and `via` (airports to change at) are IATA codes."""

    departs: Window = ANY_TIME
    arrives: Window = ANY_TIME
    max_stops: int | None = None
    carriers: frozenset[str] = frozenset()
    without_carriers: frozenset[str] = frozenset()
    via: frozenset[str] = frozenset()

    def admit(self, itinerary: Itinerary) -> bool:
        """Whether an itinerary is wanted. A carrier counts by who sells a segment; one that is not wanted, also by who flies it."""
        if self.max_stops is not None and len(itinerary.segments) - 1 > self.max_stops:
            return False
        if self.via and not self.via & {segment.arrival.airport for segment in itinerary.segments[:-1]}:
            return False
        sold = {segment.carrier_code for segment in itinerary.segments}
        flown = {segment.operator.carrier_code for segment in itinerary.segments if segment.operator}
        if (self.carriers and not sold <= self.carriers) or (sold | flown) & self.without_carriers:
            return False
        return itinerary.departure.time.time() in self.departs and self._arrives_in_time(itinerary)

    def _arrives_in_time(self, itinerary: Itinerary) -> bool:
        """By the clock, and on the day of departure if whoever leaves as early as is wished can be there in time that day: before noon is
        not after the next midnight, unless the way is that long or the wish is to leave late."""
        leaves, arrives = (end.time.replace(tzinfo=None) for end in (itinerary.departure, itinerary.arrival))
        window = self.arrives
        if arrives.time() not in window:
            return False
        if window.end is None or (window.start and window.end <= window.start):
            return True
        limit = datetime.combine(leaves, window.end)
        soonest = datetime.combine(leaves, self.departs.start or time.min) + (arrives - leaves)
        return arrives < limit or soonest >= limit
