"""A flight's state follows the evidence; the vendor's word counts only if nothing contradicts it."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from services.flightdata.model.flights import State
from services.flightdata.model.instants import Instant
from services.flightdata.vendors.flight_state import Evidence, Movement, state_named, state_of

pytestmark = pytest.mark.unit

NOW = datetime(2026, 11, 23, 12, tzinfo=UTC)


def _at(minutes: float) -> Instant:
    """Return the time so many minutes from now."""
    return Instant.of(NOW + timedelta(minutes=minutes), "Asia/Kolkata")


def _evidence(
    leaves: float, lasts: float = 160, *, word: str = "", delay: int | None = None, airborne: bool = False
) -> Evidence:
    late = timedelta(minutes=delay) if delay is not None else None
    return Evidence(Movement(_at(leaves), delay=late), Movement(_at(leaves + lasts)), word, airborne)


CASES: dict[str, tuple[Evidence, State]] = {
    "days ahead": (_evidence(3000, word="scheduled"), State.SCHEDULED),
    "soon, and nothing is known": (_evidence(90, word="scheduled"), State.SCHEDULED),
    "soon, and nothing is late": (_evidence(90, word="scheduled", delay=0), State.ON_TIME),
    "a little late is on time": (_evidence(90, word="scheduled", delay=12), State.ON_TIME),
    "late whatever the word": (_evidence(90, word="scheduled", delay=65), State.DELAYED),
    "late since yesterday's plan": (_evidence(-401, word="scheduled", delay=420), State.DELAYED),
    "only the word knows of a delay": (_evidence(90, word="Delayed"), State.DELAYED),
    "cancelled": (_evidence(90, word="cancelled"), State.CANCELLED),
    "canceled, American": (_evidence(90, word="Canceled"), State.CANCELLED),
    "cancelled and in the air": (_evidence(-30, word="cancelled", airborne=True), State.EN_ROUTE),
    "scheduled and in the air": (_evidence(-30, word="scheduled", airborne=True), State.EN_ROUTE),
    "active": (_evidence(-30, word="active"), State.EN_ROUTE),
    "active, though it leaves tomorrow": (_evidence(1300, word="active", delay=0), State.ON_TIME),
    "diverted": (_evidence(-30, word="diverted", airborne=True), State.DIVERTED),
    "landed": (_evidence(-200, word="landed"), State.LANDED),
    "Landed 10:41": (_evidence(-200, word="Landed 10:41"), State.LANDED),
    "landed yesterday, leaves today": (_evidence(300, word="landed", delay=0), State.ON_TIME),
    "Estimated dep 10:30": (_evidence(60, word="Estimated dep 10:30", delay=0), State.ON_TIME),
    "overdue without news": (_evidence(-120, word="scheduled"), State.UNKNOWN),
    "it should have left just now": (_evidence(-20, word="scheduled", delay=0), State.ON_TIME),
    "active, and should have arrived just now": (_evidence(-170, word="active"), State.EN_ROUTE),
    "active, and should have arrived hours ago": (_evidence(-160 - 200, word="active"), State.UNKNOWN),
    "active, and left as late as it should have arrived": (
        _evidence(-160 - 200, word="active", delay=180),
        State.EN_ROUTE,
    ),
    "active since yesterday": (_evidence(-1400, word="In Flight"), State.UNKNOWN),
    "late, and should have left just now": (_evidence(-60, word="scheduled", delay=38), State.DELAYED),
    "late, and should have left long ago": (_evidence(-120, word="scheduled", delay=38), State.UNKNOWN),
    "late since yesterday, without news": (
        _evidence(-1400, word="scheduled", delay=38),
        State.UNKNOWN,
    ),
    "called delayed, until a time that has passed": (
        _evidence(-120, word="Delayed", delay=38),
        State.UNKNOWN,
    ),
    "reported as delayed without a time": (_evidence(-120, word="Delayed"), State.DELAYED),
    "called delayed since yesterday": (_evidence(-1400, word="Delayed"), State.UNKNOWN),
    "diverted yesterday": (_evidence(-1400, word="diverted"), State.DIVERTED),
    "landed yesterday": (_evidence(-1400, word="landed"), State.LANDED),
    "leaves tomorrow, and was to arrive yesterday, they say": (
        _evidence(600, -1500, word="scheduled"),
        State.SCHEDULED,
    ),
    "unknown": (_evidence(90, word="unknown"), State.SCHEDULED),
    "nothing at all": (Evidence(Movement(), Movement()), State.UNKNOWN),
}


@pytest.mark.parametrize("case", CASES)
def test_a_state_follows_the_evidence(case: str) -> None:
    evidence, state = CASES[case]
    assert state_of(evidence, NOW) is state


def test_actual_times_outweigh_every_word() -> None:
    left = Movement(_at(-100), actual=_at(-90))
    assert state_of(Evidence(left, Movement(_at(60)), "scheduled"), NOW) is State.EN_ROUTE
    assert state_of(Evidence(left, Movement(_at(-20), actual=_at(-25)), "active"), NOW) is State.LANDED
    assert (
        state_of(Evidence(Movement(_at(60), actual=_at(70)), Movement(_at(200)), "scheduled"), NOW)
        is not State.EN_ROUTE
    )


def test_a_departed_flight_without_news_becomes_unknown() -> None:
    left = Movement(_at(-900), actual=_at(-890))
    assert state_of(Evidence(left, Movement(_at(-400)), "scheduled"), NOW) is State.UNKNOWN


def test_a_late_departure_without_news_stays_en_route_while_possible() -> None:
    left = Movement(_at(-600), actual=_at(-200))
    assert state_of(Evidence(left, Movement(_at(-400)), "active"), NOW) is State.EN_ROUTE
    assert state_of(Evidence(left, Movement(_at(-400)), "active"), NOW + timedelta(hours=4)) is State.UNKNOWN


def test_the_expected_time_is_actual_then_estimate_then_schedule_plus_delay() -> None:
    late = timedelta(minutes=65)
    assert Movement(_at(0), delay=late).expected == _at(65)
    assert Movement(_at(0), estimated=_at(0), delay=late).expected == _at(65)
    assert Movement(_at(0), estimated=_at(40), delay=late).expected == _at(40)
    assert Movement(_at(0), estimated=_at(40), actual=_at(30), delay=late).late == timedelta(minutes=30)
    assert Movement().late == timedelta()


def test_times_of_another_days_flight_are_not_believed() -> None:
    muddled = Movement(_at(0), estimated=_at(-120), actual=_at(-99)).plausible()
    assert (muddled.estimated, muddled.actual) == (None, None)
    assert Movement(_at(0), actual=_at(401)).plausible().actual == _at(401)


@pytest.mark.parametrize(
    ("word", "state"),
    [
        ("incident", State.UNKNOWN),
        ("", State.UNKNOWN),
        ("inactive", State.UNKNOWN),
        ("Not departed", State.UNKNOWN),
        ("Departed late", State.EN_ROUTE),
        ("Running late", State.DELAYED),
        ("Related", State.UNKNOWN),
        ("Rescheduled", State.SCHEDULED),
        ("redirected", State.DIVERTED),
        ("In Flight", State.EN_ROUTE),
        ("EN_ROUTE", State.EN_ROUTE),
        ("Boarding", State.SCHEDULED),
        ("Arrived", State.LANDED),
    ],
)
def test_vendors_words_map_to_states(word: str, state: State) -> None:
    assert state_named(word) is state


instants = st.none() | st.integers(-3000, 3000).map(_at)
delays = st.none() | st.integers(-3000, 3000).map(lambda minutes: timedelta(minutes=minutes))
movements = st.builds(Movement, instants, instants, instants, delays)


@settings(deadline=None)
@given(
    st.builds(
        Evidence,
        movements,
        movements,
        st.sampled_from(["", "active", "delayed", "landed", "cancelled", "diverted", "scheduled", "unknown"]),
        st.booleans(),
    )
)
def test_no_evidence_contradicts_itself_in_the_answer(evidence: Evidence) -> None:
    state = state_of(evidence, NOW)
    if evidence.airborne:
        assert state not in {State.CANCELLED, State.SCHEDULED, State.ON_TIME, State.DELAYED}
    if state in {State.EN_ROUTE, State.DELAYED, State.ON_TIME, State.SCHEDULED}:
        assert not evidence.is_over(NOW)
    if state is State.LANDED:
        assert not evidence.airborne
    if state is State.ON_TIME:
        assert evidence.departure.late < timedelta(minutes=15)
