"""Cached cache are served, missing ones are fetched once for all callers, failures replace nothing."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Sequence
from datetime import UTC, date, datetime, timedelta

import pytest

from services.flightdata.caching.answer_cache import CLAIMED_FOR, LOOK_AGAIN_SECONDS, AnswerCache, Question
from services.flightdata.caching.freshness import EMPTY_FOR, FAILED_FOR, Freshness, Kind
from services.flightdata.caching.store import MemoryCacheStore
from services.flightdata.errors import AllowanceExhausted, FlightNotFound, FlightsUnavailable
from services.flightdata.model.flights import FlightStatus
from services.flightdata.places.lexicon import Lexicon
from services.flightdata.providers.errors import ProviderUnavailable
from services.flightdata.providers.protocol import Capability, FlightProvider
from services.flightdata.providers.routing import Answered, Progress, ProviderRouter
from services.flightdata.quota.allowances import Spend, free
from services.flightdata.sample.provider import SampleTimetable
from services.flightdata.status.route_status import RouteStatusService
from services.flightdata.status.routes import RouteLookup
from tests.simulated_clock import SimulatedClock
from tests.unit.flightdata.providers.test_routing import Scripted

pytestmark = pytest.mark.unit
FRESH = Freshness()


class Vendor(Scripted):
    """Answers with the sample's flights of a route under its own name, once its gate is open."""

    def __init__(self, timetable: SampleTimetable, name: str = "vendor") -> None:
        super().__init__(name, 1)
        self.timetable = timetable
        self.gate = asyncio.Event()
        self.gate.set()

    async def route_status(self, origin: str, destination: str, day: date) -> Sequence[FlightStatus]:
        count = self.say()
        await self.gate.wait()
        return (await self.timetable.route_status(origin, destination, day))[:count]


@pytest.fixture
def vendor(timetable: SampleTimetable) -> Vendor:
    """A provider that isn't a sample."""
    return Vendor(timetable)


@pytest.fixture
def store(clock: SimulatedClock) -> MemoryCacheStore:
    """A store that replicas share."""
    return MemoryCacheStore(clock)


def _question(clock: SimulatedClock, name: str = "MAA DEL") -> Question[Sequence[FlightStatus]]:
    def call(provider: FlightProvider) -> Awaitable[Sequence[FlightStatus]]:
        return provider.route_status("MAA", "DEL", datetime(2026, 11, 23, tzinfo=UTC).date())

    return Question(
        name,
        Kind.STATUS,
        Capability.ROUTE_STATUS,
        Answered[Sequence[FlightStatus]],
        call,
        lambda flights: not flights,
    )


async def _ask(cache: AnswerCache, clock: SimulatedClock) -> Answered[Sequence[FlightStatus]]:
    (answer,) = [event async for event in cache.ask(_question(clock)) if isinstance(event, Answered)]
    return answer


async def _settle() -> None:
    for _ in range(30):
        await asyncio.sleep(0)


def _replica(
    vendor: Vendor, store: MemoryCacheStore, clock: SimulatedClock, spend: Spend = free
) -> AnswerCache:
    return AnswerCache(ProviderRouter([vendor], clock), store, clock, FRESH, spend)


class Purse:
    """A caller's allowance; `spent` counts the lookups."""

    def __init__(self) -> None:
        self.empty = False
        self.spent = 0

    async def spend(self) -> None:
        if self.empty:
            raise AllowanceExhausted("anonymous", limit=0, retry_after=timedelta(hours=1))
        self.spent += 1


async def test_a_caller_without_allowance_gets_cached_answers_and_costs_nothing(
    vendor: Vendor, store: MemoryCacheStore, clock: SimulatedClock
) -> None:
    purse = Purse()
    async with _replica(vendor, store, clock, purse.spend) as cache:
        purse.empty = True
        with pytest.raises(AllowanceExhausted):
            await _ask(cache, clock)
        assert vendor.asked == 0
        purse.empty = False
        await _ask(cache, clock)
        assert (vendor.asked, purse.spent) == (1, 1), "the refusal of another caller isn't cached"
        purse.empty = True
        assert (await _ask(cache, clock)).provenance.cached
        clock.advance(FRESH.status.total_seconds() + 1)
        assert (await _ask(cache, clock)).provenance.cached
        await _settle()
        assert vendor.asked == 1, "a stale answer isn't refreshed for this caller"
        purse.empty = False
        await _ask(cache, clock)
        await _settle()
    assert (vendor.asked, purse.spent) == (2, 2)


async def test_a_lookup_that_is_running_costs_its_other_callers_nothing(
    vendor: Vendor, store: MemoryCacheStore, clock: SimulatedClock
) -> None:
    purse = Purse()
    vendor.gate.clear()
    async with _replica(vendor, store, clock, purse.spend) as cache:
        first = asyncio.create_task(_ask(cache, clock))
        await _settle()
        purse.empty = True
        second = asyncio.create_task(_ask(cache, clock))
        await _settle()
        vendor.gate.set()
        assert (await first).value == (await second).value
    assert (vendor.asked, purse.spent) == (1, 1)


async def test_a_fresh_answer_is_served_and_marked_as_cached(
    vendor: Vendor, store: MemoryCacheStore, clock: SimulatedClock
) -> None:
    async with _replica(vendor, store, clock) as cache:
        first = await _ask(cache, clock)
        clock.advance(FRESH.status.total_seconds() - 1)
        again = await _ask(cache, clock)
    assert vendor.asked == 1
    assert (first.provenance.cached, again.provenance.cached) == (False, True)
    assert again.provenance.fetched == clock.now() - FRESH.status + timedelta(seconds=1)
    assert not any(status.provenance.cached for status in first.value)
    assert all(status.provenance.cached for status in again.value)
    assert [s.provenance.fetched for s in again.value] == [s.provenance.fetched for s in first.value], (
        "its age is the vendor's answer's"
    )


async def test_a_stale_answer_is_served_while_it_is_refreshed(
    vendor: Vendor, store: MemoryCacheStore, clock: SimulatedClock
) -> None:
    async with _replica(vendor, store, clock) as cache:
        await _ask(cache, clock)
        clock.advance(FRESH.status.total_seconds() + 1)
        vendor.gate.clear()
        vendor.answer = 2
        stale = [await _ask(cache, clock) for _ in range(5)]
        await _settle()
        assert (vendor.asked, {len(answer.value) for answer in stale}) == (2, {1})
        vendor.gate.set()
        await _settle()
        assert len((await _ask(cache, clock)).value) == 2
    assert vendor.asked == 2


async def test_an_expired_answer_is_not_served(
    vendor: Vendor, store: MemoryCacheStore, clock: SimulatedClock
) -> None:
    async with _replica(vendor, store, clock) as cache:
        await _ask(cache, clock)
        clock.advance(FRESH.kept_for(Kind.STATUS).total_seconds())
        assert not (await _ask(cache, clock)).provenance.cached
    assert vendor.asked == 2


@pytest.mark.parametrize("nothing", [0, ProviderUnavailable("vendor", "down")])
async def test_an_empty_or_failed_answer_never_replaces_a_good_one(
    vendor: Vendor, store: MemoryCacheStore, clock: SimulatedClock, nothing: int | Exception
) -> None:
    async with _replica(vendor, store, clock) as cache:
        await _ask(cache, clock)
        clock.advance(FRESH.status.total_seconds() + 1)
        vendor.answer = nothing
        for _ in range(3):
            assert (await _ask(cache, clock)).value
            await _settle()
        assert vendor.asked == 2, "the refresh isn't repeated at once"
        assert (await _ask(cache, clock)).value


async def test_failures_are_cached_briefly(
    vendor: Vendor, store: MemoryCacheStore, clock: SimulatedClock
) -> None:
    vendor.answer = ProviderUnavailable("vendor", "down")
    async with _replica(vendor, store, clock) as cache:
        for _ in range(3):
            with pytest.raises(FlightsUnavailable):
                await _ask(cache, clock)
        assert vendor.asked == 1
        clock.advance(FAILED_FOR.total_seconds())
        vendor.answer = 1
        assert (await _ask(cache, clock)).value


async def test_empty_answers_are_cached_briefly(
    vendor: Vendor, store: MemoryCacheStore, clock: SimulatedClock
) -> None:
    vendor.answer = 0
    async with _replica(vendor, store, clock) as cache:
        assert [bool((await _ask(cache, clock)).value) for _ in range(3)] == [False] * 3
        assert vendor.asked == 1
        clock.advance(EMPTY_FOR.total_seconds())
        vendor.answer = 1
        assert (await _ask(cache, clock)).value


async def test_an_unknown_flight_is_cached_briefly(
    vendor: Vendor, store: MemoryCacheStore, clock: SimulatedClock
) -> None:
    vendor.answer = FlightNotFound("AI1", "unknown")
    async with _replica(vendor, store, clock) as cache:
        for _ in range(2):
            with pytest.raises(FlightNotFound):
                await _ask(cache, clock)
    assert vendor.asked == 1


async def test_a_schedule_and_a_status_are_one_question_with_two_ages(
    vendor: Vendor, store: MemoryCacheStore, clock: SimulatedClock, lexicon: Lexicon
) -> None:
    async with _replica(vendor, store, clock) as cache:
        route, status = RouteLookup(lexicon, cache, clock), RouteStatusService(lexicon, cache, clock)
        assert (await status.page("MAA", "COK", None, None)).statuses
        assert (await route.route("MAA", "COK")).HasField("service")
        assert vendor.asked == 1
        clock.advance(3600)
        assert (await route.route("MAA", "COK")).HasField("service")
        assert vendor.asked == 1, "the schedule is fresh for hours"
        (found,) = (await status.page("MAA", "COK", None, None)).statuses
        assert (vendor.asked, found.provenance.fetched) == (2, clock.now()), "the status is not"
        assert (await route.route("MAA", "COK")).HasField("service")
    assert vendor.asked == 2


async def test_two_hundred_equal_questions_on_two_replicas_are_one_call(
    vendor: Vendor, store: MemoryCacheStore, clock: SimulatedClock
) -> None:
    async with _replica(vendor, store, clock) as one, _replica(vendor, store, clock) as other:
        vendor.gate.clear()
        asking = [asyncio.create_task(_ask(replica, clock)) for _ in range(100) for replica in (one, other)]
        await _settle()
        vendor.gate.set()
        await _settle()
        clock.advance(LOOK_AGAIN_SECONDS)
        assert {len(answer.value) for answer in await asyncio.gather(*asking)} == {1}
    assert vendor.asked == 1


async def test_all_callers_get_the_progress_of_the_shared_fetch(
    vendor: Vendor, store: MemoryCacheStore, clock: SimulatedClock
) -> None:
    async def events(cache: AnswerCache) -> list[type]:
        return [type(event) async for event in cache.ask(_question(clock))]

    async with _replica(vendor, store, clock) as cache:
        assert tuple(await asyncio.gather(events(cache), events(cache))) == (
            [Progress, Progress, Answered],
            [Progress, Progress, Answered],
        )


async def test_a_caller_who_leaves_does_not_cancel_the_fetch(
    vendor: Vendor, store: MemoryCacheStore, clock: SimulatedClock
) -> None:
    async with _replica(vendor, store, clock) as cache:
        vendor.gate.clear()
        first, second = asyncio.create_task(_ask(cache, clock)), asyncio.create_task(_ask(cache, clock))
        await _settle()
        first.cancel()
        await _settle()
        vendor.gate.set()
        assert (await second).value
    assert vendor.asked == 1


async def test_another_replica_takes_over_when_the_fetching_one_dies(
    vendor: Vendor, store: MemoryCacheStore, clock: SimulatedClock
) -> None:
    question = _question(clock)
    async with _replica(vendor, store, clock) as one, _replica(vendor, store, clock) as other:
        assert await store.claim(one._digest(question), "a replica that died", CLAIMED_FOR)
        asking = [asyncio.create_task(_ask(replica, clock)) for _ in range(20) for replica in (one, other)]
        for _ in range(round(CLAIMED_FOR.total_seconds() / LOOK_AGAIN_SECONDS) + 3):
            await _settle()
            assert vendor.asked <= 1
            clock.advance(LOOK_AGAIN_SECONDS)
        await _settle()
        clock.advance(LOOK_AGAIN_SECONDS)
        assert all(answer.value for answer in await asyncio.gather(*asking))
    assert vendor.asked == 1


async def test_a_long_fetch_keeps_its_claim(
    vendor: Vendor, store: MemoryCacheStore, clock: SimulatedClock
) -> None:
    async with _replica(vendor, store, clock) as one, _replica(vendor, store, clock) as other:
        vendor.gate.clear()
        asking = [asyncio.create_task(_ask(replica, clock)) for replica in (one, other)]
        for _ in range(45):
            await _settle()
            clock.advance(1)
        assert vendor.asked == 1
        vendor.gate.set()
        await _settle()
        clock.advance(1)
        await asyncio.gather(*asking)
    assert vendor.asked == 1


async def test_sample_answers_are_not_cached(
    timetable: SampleTimetable, store: MemoryCacheStore, clock: SimulatedClock
) -> None:
    async with AnswerCache(ProviderRouter([timetable], clock), store, clock) as cache:
        assert not any([(await _ask(cache, clock)).provenance.cached for _ in range(2)])
    assert store.bytes == 0


async def test_an_unexpected_error_reaches_the_caller(
    vendor: Vendor, store: MemoryCacheStore, clock: SimulatedClock
) -> None:
    vendor.answer = ZeroDivisionError()
    async with _replica(vendor, store, clock) as cache:
        with pytest.raises(ZeroDivisionError):
            await _ask(cache, clock)


async def test_corrupt_bytes_in_the_store_are_a_miss(
    vendor: Vendor, store: MemoryCacheStore, clock: SimulatedClock
) -> None:
    async with _replica(vendor, store, clock) as cache:
        name = cache._digest(_question(clock))
        for place, spoiled in (
            (f"answer:{name}", b"nonsense"),
            (f"none:{name}", b"fnonsense"),
            (f"none:{name}", b"enonsense"),
        ):
            await store.put(place, spoiled, timedelta(hours=1))
        assert (await _ask(cache, clock)).value


async def test_the_memory_store_is_bounded(clock: SimulatedClock) -> None:
    store = MemoryCacheStore(clock, most_bytes=1000)
    for number in range(50):
        await store.put(str(number), bytes(100), timedelta(hours=1))
        await store.get("0")
    assert store.bytes <= 1000
    assert await store.get("0") is not None, "recently used answers stay"
    assert await store.get("1") is None
