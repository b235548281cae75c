"""A watch sends only changes, costs one poll for all watchers, and reports trouble."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import aclosing
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from services.flightdata.errors import AllowanceExhausted, FlightNotFound, FlightsUnavailable
from services.flightdata.model.flights import Endpoint, FlightStatus, Provenance, Segment, State
from services.flightdata.model.instants import Instant
from services.flightdata.status.watch import (
    HEARTBEAT,
    SAMPLE_PACE,
    Heartbeat,
    StatusWatches,
    Trouble,
    WatchEvent,
)
from tests.simulated_clock import SimulatedClock

pytestmark = pytest.mark.unit

NOW = datetime(2026, 11, 23, 12, tzinfo=UTC)
DAY = NOW.date()
DOWN = FlightsUnavailable({"aviationstack": "unavailable"}, retry_after=timedelta(seconds=30))


def _status(
    leaves_in: timedelta = timedelta(hours=1),
    state: State = State.ON_TIME,
    *,
    sample: bool = False,
    airport: str = "MAA",
) -> FlightStatus:
    leaves = Instant.of(NOW + leaves_in, "Asia/Kolkata")
    segment = Segment(
        "AI",
        "Air India",
        "AI542",
        Endpoint(airport, "", leaves),
        Endpoint("DEL", "", leaves.later(timedelta(hours=3))),
    )
    return FlightStatus(
        segment,
        leaves.local.date(),
        state,
        None,
        None,
        timedelta(),
        Provenance("aviationstack", NOW, sample=sample),
    )


LATE = replace(_status(), state=State.DELAYED, delay=timedelta(minutes=40))
LANDED = _status(state=State.LANDED)


class ScriptedStatus:
    """Returns scripted answers in turn, then the last one again and again."""

    def __init__(self, clock: SimulatedClock, *answers: list[FlightStatus] | Exception) -> None:
        self._clock = clock
        self._answers = list(answers)
        self.asked: list[datetime] = []

    async def status(self, flight: str, day: object) -> list[FlightStatus]:
        self.asked.append(self._clock.now())
        answer = self._answers.pop(0) if len(self._answers) > 1 else self._answers[0]
        if isinstance(answer, Exception):
            raise answer
        return [replace(leg, provenance=replace(leg.provenance, fetched=self._clock.now())) for leg in answer]


@pytest.fixture
def clock() -> SimulatedClock:
    """Noon."""
    return SimulatedClock(NOW)


def _watches(service: ScriptedStatus, clock: SimulatedClock) -> StatusWatches:
    return StatusWatches(service, clock)  # type: ignore[arg-type]


async def _collect(changes: AsyncIterator[WatchEvent], into: list[WatchEvent]) -> None:
    """Collect the events except heartbeats."""
    async for event in changes:
        if not isinstance(event, Heartbeat):
            into.append(event)


async def _settled() -> None:
    for _ in range(20):
        await asyncio.sleep(0)


async def _minutes(clock: SimulatedClock, count: int) -> None:
    """Advance the clock minute by minute."""
    for _ in range(count):
        clock.advance(60)
        await _settled()


async def test_a_watcher_without_allowance_ends_alone(clock: SimulatedClock) -> None:
    spent = AllowanceExhausted("customer", limit=1, retry_after=timedelta(hours=1))
    service = ScriptedStatus(clock, [_status()], spent, [LANDED])
    watches = _watches(service, clock)
    ended: list[bool] = []

    async def watch() -> None:
        try:
            await _collect(watches.watch("AI542", DAY), [])
            ended.append(True)
        except AllowanceExhausted:
            ended.append(False)

    async with asyncio.TaskGroup() as group:
        for _ in range(2):
            group.create_task(watch())
        await _settled()
        await _minutes(clock, 20)
    assert sorted(ended) == [False, True]


async def test_a_status_is_sent_first_then_on_changes_until_the_flight_is_over(clock: SimulatedClock) -> None:
    service = ScriptedStatus(clock, [_status()], [_status()], [LATE], [LATE], [LANDED])
    events: list[WatchEvent] = []
    async with asyncio.TaskGroup() as group:
        group.create_task(_collect(_watches(service, clock).watch("AI542", DAY), events))
        await _settled()
        assert [t.state for t in events if isinstance(t, FlightStatus)] == [State.ON_TIME]
        await _minutes(clock, 20)
    assert [t.state for t in events if isinstance(t, FlightStatus)] == [
        State.ON_TIME,
        State.DELAYED,
        State.LANDED,
    ]
    assert len(service.asked) == 5


async def test_a_hundred_watchers_cost_one_call_for_each_poll(clock: SimulatedClock) -> None:
    service = ScriptedStatus(clock, [_status()], [LATE], [LANDED])
    watches, received = _watches(service, clock), [list[WatchEvent]() for _ in range(100)]
    async with asyncio.TaskGroup() as group:
        for events in received:
            group.create_task(_collect(watches.watch("AI542", DAY), events))
        await _settled()
        await _minutes(clock, 10)
    assert len(service.asked) == 3
    assert all(len(events) == 3 for events in received)


@pytest.mark.parametrize(
    ("leaves_in", "minutes"),
    [
        (timedelta(days=3), 60),
        (timedelta(hours=9), 20),
        (timedelta(hours=4), 10),
        (timedelta(minutes=50), 3),
        (timedelta(hours=-1), 10),
    ],
)
async def test_polls_are_more_frequent_near_the_next_event(
    clock: SimulatedClock, leaves_in: timedelta, minutes: int
) -> None:
    service = ScriptedStatus(clock, [_status(leaves_in)])
    task = asyncio.create_task(_collect(_watches(service, clock).watch("AI542", DAY), []))
    await _settled()
    await _minutes(clock, minutes)
    task.cancel()
    assert [asked - NOW for asked in service.asked] == [timedelta(), timedelta(minutes=minutes)]


UNHEARD = {
    "diverted, destination unknown": _status(timedelta(hours=-3), State.DIVERTED),
    "called in the air": _status(timedelta(hours=-3), State.EN_ROUTE),
    "unknown": _status(timedelta(hours=-3), State.UNKNOWN),
    "delayed without an end": replace(
        _status(timedelta(hours=-3, minutes=-40), State.DELAYED), delay=timedelta(minutes=40)
    ),
}
"""A flight of three hours that should have arrived just now."""


@pytest.mark.parametrize("case", UNHEARD)
async def test_an_unreported_landing_is_polled_less_and_less_then_not_at_all(
    clock: SimulatedClock, case: str
) -> None:
    service, events = ScriptedStatus(clock, [UNHEARD[case]]), list[WatchEvent]()
    async with asyncio.timeout(20), asyncio.TaskGroup() as group:
        group.create_task(_collect(_watches(service, clock).watch("AI542", DAY), events))
        await _settled()
        await _minutes(clock, 15 * 60)
    assert len(events) == 1
    assert len(service.asked) <= 50
    pauses = [later - earlier for earlier, later in zip(service.asked, service.asked[1:], strict=False)]
    assert min(pauses) == timedelta(minutes=3)
    assert max(pauses) == timedelta(hours=1)
    assert pauses == sorted(pauses), "towards the end polls never become more frequent"


async def test_a_flight_that_is_long_over_is_sent_once(clock: SimulatedClock) -> None:
    service, events = ScriptedStatus(clock, [_status(timedelta(days=-1), State.UNKNOWN)]), list[WatchEvent]()
    async with asyncio.timeout(20):
        await _collect(_watches(service, clock).watch("AI542", DAY), events)
    assert (len(events), len(service.asked)) == (1, 1)


async def test_an_abandoned_leg_does_not_speed_up_the_other(clock: SimulatedClock) -> None:
    lost, later = _status(timedelta(days=-1), State.UNKNOWN, airport="BOM"), _status(timedelta(days=2))
    service = ScriptedStatus(clock, [lost, later])
    task = asyncio.create_task(_collect(_watches(service, clock).watch("AI542", DAY), []))
    await _settled()
    await _minutes(clock, 59)
    task.cancel()
    assert len(service.asked) == 1


async def test_a_late_flight_is_watched_until_its_late_arrival(clock: SimulatedClock) -> None:
    left = replace(_status(timedelta(hours=-14), State.EN_ROUTE), delay=timedelta(hours=11, minutes=50))
    service = ScriptedStatus(clock, [left], [left], [replace(left, state=State.LANDED)])
    events: list[WatchEvent] = []
    async with asyncio.timeout(20), asyncio.TaskGroup() as group:
        group.create_task(_collect(_watches(service, clock).watch("AI542", DAY), events))
        await _settled()
        await _minutes(clock, 10)
    assert [t.state for t in events if isinstance(t, FlightStatus)] == [State.EN_ROUTE, State.LANDED]


async def test_a_sample_flight_is_free_and_polled_often(clock: SimulatedClock) -> None:
    service = ScriptedStatus(clock, [_status(timedelta(days=3), sample=True)])
    task = asyncio.create_task(_collect(_watches(service, clock).watch("AI542", DAY), []))
    await _settled()
    clock.advance(SAMPLE_PACE.total_seconds())
    await _settled()
    task.cancel()
    assert len(service.asked) == 2


async def test_trouble_is_sent_once_and_its_end_is_a_status(clock: SimulatedClock) -> None:
    service = ScriptedStatus(clock, [_status()], DOWN, DOWN, [_status()], DOWN, [LANDED])
    events: list[WatchEvent] = []
    async with asyncio.TaskGroup() as group:
        group.create_task(_collect(_watches(service, clock).watch("AI542", DAY), events))
        await _settled()
        await _minutes(clock, 20)
    assert [type(t) for t in events] == [FlightStatus, Trouble, FlightStatus, Trouble, FlightStatus]
    assert isinstance(events[-1], FlightStatus)
    assert events[-1].state is State.LANDED


@pytest.mark.parametrize("error", [DOWN, FlightNotFound("AI542", "unknown")])
async def test_a_watch_without_a_first_status_fails(clock: SimulatedClock, error: Exception) -> None:
    service = ScriptedStatus(clock, error)
    watches = _watches(service, clock)
    for _ in range(2):
        with pytest.raises(type(error)):
            await _collect(watches.watch("AI542", DAY), [])
    assert len(service.asked) == 2


async def test_legs_of_one_number_are_sent_separately(clock: SimulatedClock) -> None:
    second = _status(timedelta(hours=5), airport="BOM")
    service = ScriptedStatus(
        clock, [_status(), second], [LATE, second], [LANDED, replace(second, state=State.CANCELLED)]
    )
    events: list[WatchEvent] = []
    async with asyncio.TaskGroup() as group:
        group.create_task(_collect(_watches(service, clock).watch("AI542", DAY), events))
        await _settled()
        await _minutes(clock, 60)
    legs = [(t.segment.departure.airport, t.state) for t in events if isinstance(t, FlightStatus)]
    assert legs == [
        ("MAA", State.ON_TIME), ("BOM", State.ON_TIME),
        ("MAA", State.DELAYED), ("MAA", State.LANDED), ("BOM", State.CANCELLED)
    ]  # fmt: skip


async def test_no_state_is_kept_of_an_unwatched_flight(clock: SimulatedClock) -> None:
    watches = _watches(ScriptedStatus(clock, [_status()]), clock)
    async with aclosing(watches.watch("AI542", DAY)) as changes:
        assert await anext(changes)
        assert watches._flights
    assert not watches._flights


async def test_a_quiet_watch_sends_heartbeats(clock: SimulatedClock) -> None:
    events: list[WatchEvent] = []
    watches = _watches(ScriptedStatus(clock, [_status(timedelta(days=3))]), clock)

    async def watch() -> None:
        async for event in watches.watch("AI542", DAY):
            events.append(event)

    task = asyncio.create_task(watch())
    await _settled()
    for _ in range(4):
        clock.advance(HEARTBEAT.total_seconds())
        await _settled()
    task.cancel()
    assert [type(event) for event in events] == [FlightStatus, *[Heartbeat] * 4]
