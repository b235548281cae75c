"""The state of a flight, derived from its times and position. The vendor's own state has the lowest priority.

AviationStack has reported a flight in the air as `scheduled`, with an actual departure and a live position
(TK6551 of 2021-02-07). It never updates the estimated departure, and most flights never get actual times.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from services.flightdata.model.flights import State
from services.flightdata.model.instants import Instant
from services.flightdata.vendors.plausibility import EARLY, belongs_to

DELAYED_FROM = timedelta(minutes=15)
"""Minimum delay of a flight with the state "delayed", as airlines and regulators define it."""
EXPECTED_AHEAD = timedelta(hours=24)
"""Time before departure when the state can change from "scheduled" to "on time"."""
OVERDUE = timedelta(minutes=45)
"""Time after the expected departure for which a flight without updates counts as on time or delayed."""
STILL_FLYING = timedelta(hours=3)
"""Time after the expected arrival for which a flight without updates counts as en route or delayed."""

_WORDS = {
    State.CANCELLED: ("cancel",),
    State.DIVERTED: ("divert", "redirect"),
    State.LANDED: ("landed", "arrived"),
    State.EN_ROUTE: ("active", "in flight", "in air", "en route", "enroute", "departed", "airborne"),
    State.DELAYED: ("delay", "late"),
    State.SCHEDULED: ("scheduled", "rescheduled", "on time", "boarding", "estimated", "expected"),
}
_PATTERNS = {state: re.compile(rf"\b(?:{'|'.join(words)})") for state, words in _WORDS.items()}
"""Beginnings of words in a vendor's state, in order of priority.

FlightAPI.io adds details, for example `Landed 10:41` and `Estimated dep 10:30`.
"""
_NEGATION = re.compile(r"\bnot\b")


@dataclass(frozen=True, slots=True)
class Movement:
    """The times of a departure or arrival as a vendor reports them; None means unknown.

    `delay` is a separate field of the vendor, not a difference of the times.
    """

    scheduled: Instant | None = None
    estimated: Instant | None = None
    actual: Instant | None = None
    delay: timedelta | None = None

    def plausible(self) -> Movement:
        """Return a copy without estimated and actual times that belong to another day's flight."""
        return replace(self, estimated=self._fitting(self.estimated), actual=self._fitting(self.actual))

    def _fitting(self, moment: Instant | None) -> Instant | None:
        if moment is None or self.scheduled is None or belongs_to(self.scheduled, moment):
            return moment
        return None

    @property
    def expected(self) -> Instant | None:
        """The best known time: actual, else an estimate unlike the schedule, else schedule plus delay."""
        if self.actual or self.scheduled is None:
            return self.actual or self.estimated
        if self.estimated and self.estimated.utc != self.scheduled.utc:
            return self.estimated
        return self.scheduled.later(self.delay) if self.delay else self.scheduled

    @property
    def is_updated(self) -> bool:
        """True if more than the schedule is known."""
        return any(known is not None for known in (self.actual, self.estimated, self.delay))

    @property
    def late(self) -> timedelta:
        """The expected time minus the scheduled time: negative if early, zero if unknown."""
        expected = self.expected
        return expected - self.scheduled if expected and self.scheduled else timedelta()


@dataclass(frozen=True, slots=True)
class Evidence:
    """The facts that determine a flight's state. `airborne` is True if its live position is in the air."""

    departure: Movement
    arrival: Movement
    vendor_state: str = ""
    airborne: bool = False

    def is_over(self, now: datetime) -> bool:
        """Return whether the flight must have arrived long ago, even with its known delay."""
        leaves, arrives = self.departure, self.arrival
        if arrives.expected is None:
            return False
        as_late = arrives.scheduled.later(max(timedelta(), leaves.late)) if arrives.scheduled else None
        # Include the departure, because in some rows the arrival is before the departure.
        last = max(moment.utc for moment in (arrives.expected, as_late, leaves.expected) if moment)
        return now - last > STILL_FLYING


def state_named(word: str) -> State:
    """Return the state for a vendor's text, or `State.UNKNOWN` for an unknown text."""
    folded = word.casefold().replace("_", " ")
    if _NEGATION.search(folded):
        return State.UNKNOWN
    return next((state for state, pattern in _PATTERNS.items() if pattern.search(folded)), State.UNKNOWN)


def state_of(evidence: Evidence, now: datetime) -> State:
    """Return the state of a flight at `now`."""
    reported, departed = state_named(evidence.vendor_state), _has_departed(evidence, now)
    if reported is State.CANCELLED and not departed:
        return State.CANCELLED
    if reported is State.DIVERTED:
        return State.DIVERTED
    if _has_landed(evidence, reported, now, departed=departed):
        return State.LANDED
    # Most rows keep the state "active" or "delayed", because vendors never add the actual times.
    if evidence.is_over(now):
        return State.UNKNOWN
    return State.EN_ROUTE if departed else _before_departure(evidence, reported, now)


def _has_departed(evidence: Evidence, now: datetime) -> bool:
    actual = evidence.departure.actual
    return evidence.airborne or (actual is not None and actual.utc <= now)


def _has_landed(evidence: Evidence, reported: State, now: datetime, *, departed: bool) -> bool:
    if evidence.airborne:
        return False
    arrived, expected = evidence.arrival.actual, evidence.arrival.expected
    if arrived is not None and arrived.utc <= now:
        return True
    # Vendors also report yesterday's landing, so accept "landed" only if this flight can have landed.
    possible = departed or expected is None or expected.utc - EARLY <= now
    return reported is State.LANDED and possible


def _before_departure(evidence: Evidence, reported: State, now: datetime) -> State:
    departure = evidence.departure
    expected = departure.expected
    if reported is State.EN_ROUTE and (expected is None or expected.utc <= now + EARLY):
        return State.EN_ROUTE
    if reported is State.DELAYED and departure.late == timedelta():
        # The new time is unknown, so the flight stays delayed after its scheduled time.
        return State.DELAYED
    if expected is None:
        return State.SCHEDULED if reported is State.SCHEDULED else State.UNKNOWN
    if now > expected.utc + OVERDUE:
        return State.UNKNOWN
    if departure.late >= DELAYED_FROM or (reported is State.DELAYED and departure.late > timedelta()):
        return State.DELAYED
    on_time = departure.is_updated and expected.utc - now <= EXPECTED_AHEAD
    return State.ON_TIME if on_time else State.SCHEDULED
