"""The order in which providers are asked, and the result when some of them fail."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import UTC, date, datetime, timedelta
from itertools import product

import pytest
from readback.flightdata.v1 import flightdata_service_pb2

from services.flightdata.errors import (
    FlightNotFound,
    FlightsQuotaExhausted,
    FlightsRestricted,
    FlightsUnavailable,
)
from services.flightdata.model.flights import FlightStatus
from services.flightdata.model.queries import FlightQuery
from services.flightdata.model.search_results import Found
from services.flightdata.providers.errors import (
    Problem,
    ProviderBadAnswer,
    ProviderError,
    ProviderQuotaExhausted,
    ProviderRateLimited,
    ProviderRejected,
    ProviderRestricted,
    ProviderUnavailable,
)
from services.flightdata.providers.protocol import Capability, Direction
from services.flightdata.providers.routing import Answered, Progress, ProviderRouter
from services.flightdata.wire.messages import provider as provider_message
from tests.simulated_clock import SimulatedClock

pytestmark = pytest.mark.unit

NOW = datetime(2026, 11, 23, 12, tzinfo=UTC)
SOON = NOW + timedelta(hours=1)


class Scripted:
    """A provider with a scripted answer: a number, nothing, or an error."""

    is_sample = False

    def __init__(
        self, name: str, answer: int | Exception, able: frozenset[Capability] = frozenset(Capability)
    ) -> None:
        self.name = name
        self.answer = answer
        self.able = able
        self.asked = 0

    def capabilities(self) -> frozenset[Capability]:
        return self.able

    def say(self) -> int:
        self.asked += 1
        if isinstance(self.answer, Exception):
            raise self.answer
        return self.answer

    async def search(self, query: FlightQuery) -> Found:
        raise NotImplementedError

    async def status(self, flight: str, day: date | None) -> Sequence[FlightStatus]:
        raise NotImplementedError

    async def route_status(self, origin: str, destination: str, day: date) -> Sequence[FlightStatus]:
        raise NotImplementedError

    async def board(self, airport: str, direction: Direction, day: date) -> Sequence[FlightStatus]:
        raise NotImplementedError


@pytest.fixture
def clock() -> SimulatedClock:
    """A clock at noon."""
    return SimulatedClock(NOW)


def outcome(event: Progress | Answered[int]) -> Progress | tuple[int, str]:
    """Return an answer's value and provider."""
    return (event.value, event.provenance.provider) if isinstance(event, Answered) else event


async def _ask(router: ProviderRouter) -> list[Progress | tuple[int, str]]:
    async def say(provider: object) -> int:
        assert isinstance(provider, Scripted)
        return provider.say()

    events = router.ask(Capability.SEARCH, say, empty=lambda found: found == 0)
    return [outcome(event) async for event in events]


async def test_the_first_that_has_something_answers(clock: SimulatedClock) -> None:
    first, second = Scripted("a", 7), Scripted("b", 9)
    events = await _ask(ProviderRouter([first, second], clock))
    assert events == [Progress("a", finished=False), Progress("a", finished=True), (7, first.name)]
    assert second.asked == 0


async def test_a_failure_is_reported_and_the_next_provider_is_asked(clock: SimulatedClock) -> None:
    first, second = Scripted("a", ProviderUnavailable("a", "down")), Scripted("b", 9)
    events = await _ask(ProviderRouter([first, second], clock))
    assert Progress("a", finished=True, problem=Problem.UNAVAILABLE) in events
    assert events[-1] == (9, second.name)


async def test_a_provider_without_the_capability_is_not_asked(clock: SimulatedClock) -> None:
    first, second = Scripted("a", 7, frozenset({Capability.STATUS})), Scripted("b", 9)
    assert (await _ask(ProviderRouter([first, second], clock)))[-1] == (9, second.name)
    assert first.asked == 0


async def test_a_provider_with_the_preferred_capability_is_asked_first(clock: SimulatedClock) -> None:
    first, second = Scripted("a", 7, frozenset({Capability.SEARCH})), Scripted("b", 9)

    async def say(provider: object) -> int:
        assert isinstance(provider, Scripted)
        return provider.say()

    asked = ProviderRouter([first, second], clock).ask(
        Capability.SEARCH, say, empty=lambda found: found == 0, prefer=Capability.OFFERS
    )
    assert [outcome(event) async for event in asked][-1] == (9, second.name)
    assert first.asked == 0


FAILURES: dict[str, Callable[[str], ProviderError]] = {
    "unavailable": lambda name: ProviderUnavailable(name, "down"),
    "bad answer": lambda name: ProviderBadAnswer(name, "nonsense"),
    "rejected": lambda name: ProviderRejected(name, "key refused"),
    "rate limited": lambda name: ProviderRateLimited(name, "too often", retry_after=timedelta(seconds=7)),
}


@pytest.mark.parametrize("failure", FAILURES)
@pytest.mark.parametrize("failing_first", [True, False])
async def test_none_is_not_believed_while_one_that_could_know_fails(
    clock: SimulatedClock, failure: str, failing_first: bool
) -> None:
    pair = [Scripted("a", FAILURES[failure]("a")), Scripted("b", 0)]
    with pytest.raises(FlightsUnavailable) as failed:
        await _ask(ProviderRouter(pair if failing_first else pair[::-1], clock))
    assert failed.value.metadata == {"provider.a": failure.upper().replace(" ", "_")}


async def test_an_empty_answer_is_believed_if_all_providers_agree(clock: SimulatedClock) -> None:
    first = Scripted("a", 0)
    assert (await _ask(ProviderRouter([first, Scripted("b", 0)], clock)))[-1] == (0, first.name)


async def test_an_empty_answer_is_believed_next_to_a_restricted_provider(clock: SimulatedClock) -> None:
    second = Scripted("b", 0)
    assert (await _ask(ProviderRouter([Scripted("a", ProviderRestricted("a", "search")), second], clock)))[
        -1
    ] == (0, second.name)


async def test_an_unknown_flight_is_not_found_unless_a_failed_provider_could_know_it(
    clock: SimulatedClock,
) -> None:
    unknown = FlightNotFound("AI9999", "a knows no flight AI9999.")
    with pytest.raises(FlightNotFound):
        await _ask(ProviderRouter([Scripted("a", unknown), Scripted("b", unknown)], clock))
    with pytest.raises(FlightsUnavailable):
        await _ask(
            ProviderRouter([Scripted("a", unknown), Scripted("b", ProviderUnavailable("b", "down"))], clock)
        )


async def test_no_able_provider_is_restricted_and_no_budget_is_quota_exhausted(clock: SimulatedClock) -> None:
    restricted, exhausted = (
        ProviderRestricted("a", "search"),
        ProviderQuotaExhausted("b", "used up", until=SOON),
    )
    with pytest.raises(FlightsRestricted):
        await _ask(ProviderRouter([Scripted("a", restricted), Scripted("b", 7, frozenset())], clock))
    with pytest.raises(FlightsQuotaExhausted) as failed:
        await _ask(ProviderRouter([Scripted("a", restricted), Scripted("b", exhausted)], clock))
    assert failed.value.metadata == {
        "provider.a": "RESTRICTED",
        "provider.b": "QUOTA_EXHAUSTED",
        "renew_time": SOON.isoformat(),
    }
    assert failed.value.retry_after == SOON - clock.now()


async def test_the_shortest_retry_after_is_returned(clock: SimulatedClock) -> None:
    waits = [
        ProviderRateLimited(name, "too often", retry_after=timedelta(seconds=seconds))
        for name, seconds in (("a", 60), ("b", 4))
    ]
    with pytest.raises(FlightsUnavailable) as failed:
        await _ask(ProviderRouter([Scripted(wait.provider, wait) for wait in waits], clock))
    assert failed.value.retry_after == timedelta(seconds=4)


@pytest.mark.parametrize(
    "error", [ProviderRejected("a", "key refused"), ProviderQuotaExhausted("a", "used up", until=SOON)]
)
async def test_a_refused_key_and_a_used_up_quota_disable_the_provider(
    clock: SimulatedClock, error: ProviderError
) -> None:
    first, second = Scripted("a", error), Scripted("b", 9)
    router = ProviderRouter([first, second], clock)
    for _ in range(5):
        assert (await _ask(router))[-1] == (9, second.name)
    assert first.asked == 1
    clock.advance(3601)
    await _ask(router)
    assert first.asked == (2 if isinstance(error, ProviderQuotaExhausted) else 1)


async def test_other_errors_are_not_caught(clock: SimulatedClock) -> None:
    with pytest.raises(ZeroDivisionError):
        await _ask(ProviderRouter([Scripted("a", ZeroDivisionError()), Scripted("b", 9)], clock))


async def test_whatever_two_providers_do_there_is_one_answer_or_one_typed_error(
    clock: SimulatedClock,
) -> None:
    outcomes: list[Callable[[str], int | Exception]] = [
        lambda _: 7,
        lambda _: 0,
        lambda _: FlightNotFound("AI1", "unknown"),
        lambda name: ProviderRestricted(name, "search"),
        lambda name: ProviderQuotaExhausted(name, "used up", until=SOON),
        *FAILURES.values(),
    ]
    for one, other in product(outcomes, repeat=2):
        pair = [Scripted("a", one("a")), Scripted("b", other("b"))]
        try:
            events = await _ask(ProviderRouter(pair, clock))
        except (FlightNotFound, FlightsUnavailable, FlightsQuotaExhausted, FlightsRestricted):
            continue
        assert [type(event) for event in events].count(tuple) == 1
        assert isinstance(events[-1], tuple)


async def test_a_providers_message_reports_its_health(clock: SimulatedClock) -> None:
    provider = Scripted("a", 7, frozenset({Capability.SEARCH}))
    router = ProviderRouter([provider], clock)
    await _ask(router)
    provider.answer = ProviderRejected("a", "refuses the key (401)")
    clock.advance(60)
    with pytest.raises(FlightsUnavailable):
        await _ask(router)
    message = provider_message(provider, router.health["a"], clock.now())
    assert (message.name, list(message.capabilities), message.off, message.sample) == (
        "a",
        [flightdata_service_pb2.PROVIDER_CAPABILITY_SEARCH],
        True,
        False,
    )
    assert message.last_failure_time.ToDatetime(UTC) - message.last_success_time.ToDatetime(UTC) == timedelta(
        minutes=1
    )
    assert message.last_error == "refuses the key (401)"
