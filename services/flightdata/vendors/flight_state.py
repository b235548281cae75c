"""How a flight is doing, from evidence rather than from a vendor's word for it.

AviationStack calls a flight `scheduled` that is in the air (TK6551 of 2021-02-07: an actual departure and a live position), never
moves `estimated` off the plan at departure, and leaves `actual` empty for most flights; so times are weighed first, the word last.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from services.flightdata.model.flights import State
from services.flightdata.model.instants import Instant
from services.flightdata.vendors.plausibility import EARLY, LATE

DELAYED_FROM = timedelta(minutes=15)
"""From here a flight counts as delayed, as airlines and regulators report it."""
EXPECTED_AHEAD = timedelta(hours=24)
"""Farther ahead nobody says more than that a flight is planned."""
SILENCE = timedelta(minutes=45)
"""So long after it should have left, a flight of which nothing is heard isn't called on time any more."""
STILL_FLYING = timedelta(hours=3)
"""So long after it should have arrived, a flight that was not heard of again isn't called en route any more, nor delayed."""

_WORDS = {
    State.CANCELLED: ("cancel",),
    State.DIVERTED: ("divert", "redirect"),
    State.LANDED: ("landed", "arrived"),
    State.EN_ROUTE: ("active", "in flight", "in air", "en route", "enroute", "departed", "airborne"),
    State.DELAYED: ("delay", "late"),
    State.SCHEDULED: ("scheduled", "rescheduled", "on time", "boarding", "estimated", "expected"),
}
_SIGNS = {state: re.compile(rf"\b(?:{'|'.join(signs)})") for state, signs in _WORDS.items()}
"""How words begin in what vendors say, the strongest first: FlightAPI.io says `Landed 10:41` and `Estimated dep 10:30`."""
_DENIED = re.compile(r"\bnot\b")


@dataclass(frozen=True, slots=True)
class Movement:
    """A departure or an arrival as a vendor tells it; `delay` is what it says beside the times. None is unknown."""

    scheduled: Instant | None = None
    estimated: Instant | None = None
    actual: Instant | None = None
    delay: timedelta | None = None

    def believed(self) -> Movement:
        """Without estimates and actual times that belong to another day's flight."""
        return replace(self, estimated=self._fitting(self.estimated), actual=self._fitting(self.actual))

    def _fitting(self, instant: Instant | None) -> Instant | None:
        if instant is None or self.scheduled is None or -EARLY <= instant - self.scheduled <= LATE:
            return instant
        return None

    @property
    def expected(self) -> Instant | None:
        """When it happened or is to happen: the actual time, an estimate that moved, the plan and the delay, or the plan."""
        if self.actual or self.scheduled is None:
            return self.actual or self.estimated
        if self.estimated and self.estimated.utc != self.scheduled.utc:
            return self.estimated
        return self.scheduled.later(self.delay) if self.delay else self.scheduled

    @property
    def is_expected(self) -> bool:
        """Whether anything is known beyond the plan."""
        return any(known is not None for known in (self.actual, self.estimated, self.delay))

    @property
    def late(self) -> timedelta:
        """How long after the plan; negative when early, zero when unknown."""
        expected = self.expected
        return expected - self.scheduled if expected and self.scheduled else timedelta()


@dataclass(frozen=True, slots=True)
class Evidence:
    """What speaks for a flight's state: both ends, the vendor's own word, and whether its position is that of a flying aircraft."""

    departure: Movement
    arrival: Movement
    word: str = ""
    airborne: bool = False

    def is_over(self, now: datetime) -> bool:
        """Whether it must have arrived long ago, also if it left as late as is known; False when no arrival is known."""
        leaves, arrives = self.departure, self.arrival
        if arrives.expected is None:
            return False
        as_late = arrives.scheduled.later(max(timedelta(), leaves.late)) if arrives.scheduled else None
        # With the departure, since the days of both ends have been seen to disagree.
        last = max(instant.utc for instant in (arrives.expected, as_late, leaves.expected) if instant)
        return now - last > STILL_FLYING


def said(word: str) -> State:
    """What a vendor's word for a state means; unknown when it means nothing to us."""
    folded = word.casefold().replace("_", " ")
    if _DENIED.search(folded):
        return State.UNKNOWN
    return next((state for state, signs in _SIGNS.items() if signs.search(folded)), State.UNKNOWN)


def state_of(evidence: Evidence, now: datetime) -> State:
    """How a flight is doing at a time."""
    word, left = said(evidence.word), _has_left(evidence, now)
    if word is State.CANCELLED and not left:
        return State.CANCELLED
    if word is State.DIVERTED:
        return State.DIVERTED
    if _has_landed(evidence, word, now, left=left):
        return State.LANDED
    # Most rows of a vendor that calls a flight active, or delayed, say so for ever: neither end's actual time is ever filled in.
    if evidence.is_over(now):
        return State.UNKNOWN
    return State.EN_ROUTE if left else _before_departure(evidence, word, now)


def _has_left(evidence: Evidence, now: datetime) -> bool:
    actual = evidence.departure.actual
    return evidence.airborne or (actual is not None and actual.utc <= now)


def _has_landed(evidence: Evidence, word: State, now: datetime, *, left: bool) -> bool:
    arrived, expected = evidence.arrival.actual, evidence.arrival.expected
    if arrived is not None and arrived.utc <= now and not evidence.airborne:
        return True
    # The word alone counts once the flight can have arrived: it is also said of yesterday's flight.
    return (
        word is State.LANDED
        and not evidence.airborne
        and (left or expected is None or expected.utc - EARLY <= now)
    )


def _before_departure(evidence: Evidence, word: State, now: datetime) -> State:
    departure = evidence.departure
    expected = departure.expected
    if word is State.EN_ROUTE and (expected is None or expected.utc <= now + EARLY):
        return State.EN_ROUTE
    if word is State.DELAYED and departure.late == timedelta():
        # Until when, nobody says: past its plan it is no less delayed.
        return State.DELAYED
    if expected is None:
        return State.SCHEDULED if word is State.SCHEDULED else State.UNKNOWN
    if now > expected.utc + SILENCE:
        return State.UNKNOWN
    if departure.late >= DELAYED_FROM or (word is State.DELAYED and departure.late > timedelta()):
        return State.DELAYED
    return (
        State.ON_TIME if departure.is_expected and expected.utc - now <= EXPECTED_AHEAD else State.SCHEDULED
    )
