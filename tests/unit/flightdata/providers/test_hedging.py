"""A second provider is asked in parallel to a slow one; a provider that is always slow is asked last."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime

import pytest
from readback.flightdata.v1 import flightdata_service_pb2

from services.flightdata.providers.breaker import FAILURE_THRESHOLD, FIRST_REST, REJECTED_PER_PROBE
from services.flightdata.providers.budgets import Meter, Plan
from services.flightdata.providers.errors import Problem, ProviderUnavailable
from services.flightdata.providers.health import ProviderHealth
from services.flightdata.providers.protocol import Capability
from services.flightdata.providers.routing import HEDGE_SECONDS, Progress, ProviderRouter
from services.flightdata.quota.store import MemoryQuotaStore
from services.flightdata.wire.messages import provider as provider_message
from tests.simulated_clock import SimulatedClock
from tests.unit.flightdata.providers.test_routing import Scripted, outcome

pytestmark = pytest.mark.unit


class Slow(Scripted):
    """A provider that answers when the test lets it."""

    def __init__(self, name: str, answer: int | Exception) -> None:
        super().__init__(name, answer)
        self.gate = asyncio.Event()


@pytest.fixture
def clock() -> SimulatedClock:
    """A clock at noon."""
    return SimulatedClock(datetime(2026, 11, 23, 12, tzinfo=UTC))


async def _say(provider: object) -> int:
    assert isinstance(provider, Scripted)
    answer = provider.asked
    if isinstance(provider, Slow):
        provider.asked += 1
        await provider.gate.wait()
        provider.asked = answer
    return provider.say()


async def _ask(router: ProviderRouter) -> list[Progress | tuple[int, str]]:
    events = router.ask(Capability.SEARCH, _say, empty=lambda found: found == 0)
    return [outcome(event) async for event in events]


async def _settle() -> None:
    for _ in range(20):
        await asyncio.sleep(0)


async def test_the_second_provider_is_asked_once_the_first_is_slow(clock: SimulatedClock) -> None:
    first, second = Slow("a", 7), Scripted("b", 9)
    asking = asyncio.create_task(_ask(ProviderRouter([first, second], clock)))
    await _settle()
    clock.advance(HEDGE_SECONDS - 0.1)
    await _settle()
    assert second.asked == 0
    clock.advance(0.1)
    events = await asking
    assert events[-1] == (9, second.name)
    assert Progress("a", finished=True, problem=Problem.UNAVAILABLE) in events


async def test_the_first_still_wins_when_it_is_the_first_to_answer(clock: SimulatedClock) -> None:
    first, second = Slow("a", 7), Slow("b", 9)
    asking = asyncio.create_task(_ask(ProviderRouter([first, second], clock)))
    await _settle()
    clock.advance(HEDGE_SECONDS)
    await _settle()
    assert second.asked == 1
    first.gate.set()
    assert (await asking)[-1] == (7, first.name)


async def test_a_low_budget_is_not_spent_on_hedging(clock: SimulatedClock) -> None:
    first, second = Slow("a", 7), Scripted("b", 9)
    meter = Meter("b", "key", Plan(10), MemoryQuotaStore(clock), clock)
    for _ in range(8):
        await meter.pay("search")
    health = {"a": ProviderHealth("a", clock), "b": ProviderHealth("b", clock, meter=meter)}
    asking = asyncio.create_task(_ask(ProviderRouter([first, second], clock, health)))
    await _settle()
    clock.advance(60)
    await _settle()
    assert second.asked == 0
    first.gate.set()
    assert (await asking)[-1] == (7, first.name)


async def test_a_provider_with_a_nearly_used_up_budget_is_asked_last(clock: SimulatedClock) -> None:
    first, second = Scripted("a", 7), Scripted("b", 9)
    meter = Meter("a", "key", Plan(100), MemoryQuotaStore(clock), clock)
    for _ in range(97):
        await meter.pay("search")
    health = {"a": ProviderHealth("a", clock, meter=meter), "b": ProviderHealth("b", clock)}
    assert (await _ask(ProviderRouter([first, second], clock, health)))[-1] == (9, second.name)
    message = provider_message(first, health["a"], clock.now())
    assert (message.budget_left, message.budget) == (3, 100)


async def test_one_that_hangs_again_and_again_is_not_waited_for(clock: SimulatedClock) -> None:
    first, second = Slow("a", 7), Scripted("b", 9)
    router = ProviderRouter([first, second], clock)
    for _ in range(3):
        asking = asyncio.create_task(_ask(router))
        await _settle()
        clock.advance(HEDGE_SECONDS)
        await asking
    assert await _ask(router) == [
        Progress("b", finished=False),
        Progress("b", finished=True),
        (9, second.name),
    ]
    message = provider_message(first, router.health["a"], clock.now())
    assert list(message.resting_capabilities) == [flightdata_service_pb2.PROVIDER_CAPABILITY_SEARCH]
    assert not message.HasField("budget"), "it isn't counted"


async def test_a_skipped_provider_is_asked_as_a_last_resort(clock: SimulatedClock) -> None:
    first, second = Scripted("a", ProviderUnavailable("a", "down")), Scripted("b", 9)
    router = ProviderRouter([first, second], clock)
    for _ in range(3):
        await _ask(router)
    first.answer, second.answer = 7, 0
    clock.advance(60)
    assert (await _ask(router))[-1] == (7, first.name)


async def test_first_choice_costs_no_probe(clock: SimulatedClock) -> None:
    first, second = Scripted("a", ProviderUnavailable("a", "down")), Scripted("b", 9)
    router = ProviderRouter([first, second], clock)
    for _ in range(FAILURE_THRESHOLD):
        await _ask(router)
    first.answer = 7
    clock.advance(FIRST_REST.total_seconds())
    for _ in range(REJECTED_PER_PROBE):
        assert router.first_choice(Capability.SEARCH) is second
        assert (await _ask(router))[-1] == (9, second.name)
    for _ in range(3):
        assert router.first_choice(Capability.SEARCH) is first
    assert (await _ask(router))[-1] == (7, first.name), "and the trial is still there"


async def test_closing_the_stream_cancels_the_requests(clock: SimulatedClock) -> None:
    first, second = Slow("a", 7), Scripted("b", 9)
    asked = ProviderRouter([first, second], clock).ask(
        Capability.SEARCH, _say, empty=lambda found: found == 0
    )
    asking = asyncio.ensure_future(anext(asked))
    await asking
    hanging = asyncio.ensure_future(anext(asked))
    await _settle()
    hanging.cancel()
    await asyncio.gather(hanging, return_exceptions=True)
    clock.advance(HEDGE_SECONDS)
    await _settle()
    assert (first.asked, second.asked) == (1, 0)
