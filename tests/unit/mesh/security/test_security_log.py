"""The security log: every event counts, the first of each source is told, and no flood hides the rest."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from structlog.testing import capture_logs

from mesh.security.security_log import EVENTS, FIRST_EVENTS, MAX_SOURCES, OTHER_SOURCES, SecurityLog

pytestmark = pytest.mark.unit


@pytest.fixture
def logged() -> Iterator[list[Any]]:
    """Log lines of the test."""
    with capture_logs() as lines:
        yield lines


async def test_the_first_event_of_a_source_is_logged_at_once_with_its_facts(logged: list[Any]) -> None:
    log = SecurityLog()
    for _ in range(3):
        log.record("wrong credentials", "192.0.2.1", subject="page")
    log.record("wrong credentials", "192.0.2.2")
    assert [(line["event"], line["source"], line.get("subject")) for line in logged] == [
        ("security event", "192.0.2.1", "page"),
        ("security event", "192.0.2.2", None),
    ]
    log.flush()
    summary = {"event": "security events", "kind": "wrong credentials", "count": 4, "sources": 2}
    assert summary.items() <= logged[-1].items()
    assert logged[-1]["most_frequent"] == {"192.0.2.1": 3, "192.0.2.2": 1}


async def test_a_flood_of_one_kind_hides_no_event_of_another(logged: list[Any]) -> None:
    log = SecurityLog()
    for number in range(20_000):
        log.record("token invalid", f"198.51.100.{number % 250}")
    log.record("refresh token reused", "192.0.2.1", customer="asha")
    log.flush()
    assert [line for line in logged if line["kind"] == "refresh token reused"] == [logged[FIRST_EVENTS]]
    assert logged[FIRST_EVENTS]["customer"] == "asha"
    assert len(logged) == FIRST_EVENTS + 2


async def test_a_flood_from_one_source_hides_no_other_source(logged: list[Any]) -> None:
    log = SecurityLog()
    for _ in range(5000):
        log.record("wrong credentials", "198.51.100.7")
    log.record("wrong credentials", "192.0.2.1")
    assert [line["source"] for line in logged] == ["198.51.100.7", "192.0.2.1"]


async def test_memory_and_lines_are_bounded_and_every_event_counts(logged: list[Any]) -> None:
    log, before = SecurityLog(), EVENTS.labels("sign-in throttled")._value.get()
    for number in range(MAX_SOURCES + 500):
        log.record("sign-in throttled", f"source {number}")
    assert len(log._sources["sign-in throttled"]) == MAX_SOURCES + 1
    log.flush()
    assert len(logged) == FIRST_EVENTS + 1
    assert (logged[-1]["count"], logged[-1]["most_frequent"][OTHER_SOURCES]) == (MAX_SOURCES + 500, 500)
    assert EVENTS.labels("sign-in throttled")._value.get() == before + MAX_SOURCES + 500


async def test_an_interval_begins_without_the_counts_of_the_last(logged: list[Any]) -> None:
    log = SecurityLog()
    log.record("access denied", "192.0.2.1")
    log.flush()
    log.record("access denied", "192.0.2.1")
    log.flush()
    assert [line["event"] for line in logged] == ["security event"] * 2
