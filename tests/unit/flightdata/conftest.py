"""The sample timetable, built once: it has no state that a test could change."""

from __future__ import annotations

from datetime import UTC, date, datetime

import pytest

from services.flightdata.model.fares import Cabin
from services.flightdata.model.queries import FlightQuery
from services.flightdata.places import load
from services.flightdata.places.lexicon import Lexicon
from services.flightdata.sample.provider import SampleTimetable
from services.flightdata.sample.schedule import Schedule
from tests.simulated_clock import SimulatedClock

SEED = "readback"
MORNING_IN_CHENNAI = datetime(2026, 11, 23, 3, 30, tzinfo=UTC)


def pair_query(origin: str, destination: str, day: date, cabin: Cabin = Cabin.ECONOMY) -> FlightQuery:
    """Return a query from one airport to another for one adult."""
    return FlightQuery((origin,), (destination,), day, cabin)


@pytest.fixture(scope="session")
def lexicon() -> Lexicon:
    """All places."""
    return load()


@pytest.fixture(scope="session")
def _shared(lexicon: Lexicon) -> Schedule:
    return Schedule(lexicon, SEED)


@pytest.fixture
def schedule(_shared: Schedule) -> Schedule:
    """The schedule of all routes."""
    return _shared


@pytest.fixture
def clock() -> SimulatedClock:
    """Nine in the morning of Monday, 23 November 2026, in India."""
    return SimulatedClock(MORNING_IN_CHENNAI)


@pytest.fixture
def timetable(lexicon: Lexicon, clock: SimulatedClock, _shared: Schedule) -> SampleTimetable:
    """The sample provider on the simulated clock."""
    return SampleTimetable(lexicon, clock, SEED, schedule=_shared)
