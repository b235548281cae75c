"""Answers kept as objects are bounded by count and by bytes, and are those in the store."""

from __future__ import annotations

import random
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

import pytest

from services.flightdata.caching import stored_answers
from services.flightdata.caching.store import MemoryCacheStore
from services.flightdata.caching.stored_answers import StoredAnswers
from services.flightdata.model.flights import Endpoint, FlightStatus, Provenance, Segment, State
from services.flightdata.model.instants import Instant
from services.flightdata.providers.routing import Answered
from tests.simulated_clock import SimulatedClock

pytestmark = pytest.mark.unit

NOW = datetime(2026, 11, 23, 12, tzinfo=UTC)
LASTS = timedelta(hours=9)
SHAPE = Answered[Sequence[FlightStatus]]


@pytest.fixture
def store() -> MemoryCacheStore:
    """A store of the usual size."""
    return MemoryCacheStore(SimulatedClock(NOW))


@pytest.fixture
def answers(store: MemoryCacheStore) -> StoredAnswers:
    """Answers in the store."""
    return StoredAnswers(store)


def _answer(remark: str = "") -> Answered[Sequence[FlightStatus]]:
    leaves = Instant.of(NOW, "Asia/Kolkata")
    segment = Segment(
        "AI",
        "Air India",
        "AI542",
        Endpoint("MAA", "", leaves),
        Endpoint("DEL", "", leaves.later(timedelta(hours=3))),
    )
    provenance = Provenance("aviationstack", NOW)
    status = FlightStatus(
        segment, NOW.date(), State.ON_TIME, None, None, timedelta(), provenance, vendor_state=remark
    )
    return Answered((status,), provenance)


async def _keep_and_read(answers: StoredAnswers, name: str, remark: str = "") -> None:
    await answers.keep(name, SHAPE, _answer(remark), LASTS)
    assert await answers.good(name, SHAPE)


async def test_objects_are_bounded_by_their_packed_bytes(
    answers: StoredAnswers, store: MemoryCacheStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(stored_answers, "MOST_DECODED_BYTES", 10_000)
    dice = random.Random(1)
    for number in range(30):
        await _keep_and_read(answers, str(number), dice.randbytes(900).hex())
    held = sum(len(packed) for packed, _ in answers._decoded.values())
    assert 0 < held == answers._decoded_bytes <= 10_000
    assert store.bytes > 10_000, "the store still has all answers"
    assert await answers.good("0", SHAPE)


async def test_objects_are_bounded_by_their_number(
    answers: StoredAnswers, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(stored_answers, "MOST_DECODED", 4)
    for number in range(9):
        await _keep_and_read(answers, str(number))
    assert list(answers._decoded) == ["5", "6", "7", "8"]


async def test_an_answer_is_the_same_object_until_another_is_stored(answers: StoredAnswers) -> None:
    await _keep_and_read(answers, "a")
    first = await answers.good("a", SHAPE)
    assert await answers.good("a", SHAPE) is first
    await _keep_and_read(answers, "a", "another")
    assert await answers.good("a", SHAPE) is not first
    assert len(answers._decoded) == 1


async def test_no_object_is_kept_of_an_answer_that_the_store_has_dropped() -> None:
    clock = SimulatedClock(NOW)
    answers = StoredAnswers(MemoryCacheStore(clock))
    await _keep_and_read(answers, "a")
    clock.advance(LASTS.total_seconds())
    assert await answers.good("a", SHAPE) is None
    assert (answers._decoded_bytes, len(answers._decoded)) == (0, 0)
