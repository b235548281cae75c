"""Generated histories with crashes and faults, and planted defects that they find.

`BOOKING_HISTORIES=10000` runs as many histories on each database.
"""

from __future__ import annotations

import asyncio
import logging
import os
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
import structlog
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy.ext.asyncio import AsyncEngine

from mesh.database.migrations import migrated
from services.booking import confirming, dispatch
from services.booking.app import MIGRATIONS
from services.booking.consent import ConsentGate, Decision, Verdict
from services.booking.model.records import Attempt, Quote
from services.booking.model.states import Failure
from services.booking.store.store import Transaction
from services.booking.suppliers.protocol import Outcome, Result
from services.booking.suppliers.sandbox import Sandbox
from tests.integration.booking.histories import STEPS, random_history, violations_of

pytestmark = [pytest.mark.integration, pytest.mark.timeout(3600)]
HISTORIES = int(os.environ.get("BOOKING_HISTORIES", "40"))
STEP = st.tuples(st.sampled_from(list(STEPS)), st.integers(0, 59), st.integers(0, 59))


@pytest.fixture(autouse=True)
def _quiet() -> None:
    """Log nothing, because most histories provoke errors, and their traces take long to format."""
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.CRITICAL))


@pytest.fixture(scope="module")
def loop() -> Iterator[asyncio.AbstractEventLoop]:
    """An event loop for all histories, because an engine belongs to one."""
    with asyncio.Runner() as runner:
        yield runner.get_loop()


@pytest.fixture(scope="module", params=["sqlite", "postgresql"])
def engine(
    request: pytest.FixtureRequest,
    loop: asyncio.AbstractEventLoop,
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[AsyncEngine]:
    """An engine for an empty database."""
    if request.param == "postgresql":
        url = request.getfixturevalue("postgres").new_database()
    else:
        url = f"sqlite+aiosqlite:///{tmp_path_factory.mktemp('booking')}/booking.db"
    opened = loop.run_until_complete(migrated(url, MIGRATIONS))
    yield opened
    loop.run_until_complete(opened.dispose())


@settings(max_examples=HISTORIES, deadline=None, print_blob=True, suppress_health_check=list(HealthCheck))
@given(history=st.lists(STEP, min_size=5, max_size=30))
def test_no_history_books_without_consent_or_twice_or_loses_a_booking(
    engine: AsyncEngine, loop: asyncio.AbstractEventLoop, history: list[tuple[str, int, int]]
) -> None:
    assert loop.run_until_complete(violations_of(engine, history)) == []


@pytest.mark.parametrize("seed", range(HISTORIES))
def test_weighted_histories(engine: AsyncEngine, loop: asyncio.AbstractEventLoop, seed: int) -> None:
    assert loop.run_until_complete(violations_of(engine, random_history(seed))) == []


# Planted defects: each replaces a method by a wrong one.


async def affirmed(self: ConsentGate, *_: Any) -> Decision:
    return Decision(Verdict.AFFIRMED)


async def no_consent_needed(self: ConsentGate, caller: Any, quote: Quote, proof: str) -> str:
    return '{"kind": "spoken"}'


async def always_sendable(self: Transaction, quote_id: str, now: Any, due_at: Any) -> bool:
    await self.set_attempt(quote_id, sent_at=now, due_at=due_at)
    return True


async def sent_at_forgotten(self: Transaction, quote_id: str, now: Any, due_at: Any) -> bool:
    await self.set_attempt(quote_id, due_at=due_at)
    return True


async def price_rises(self: Transaction, quote: Quote) -> None:
    terms = type(quote.terms)()
    terms.CopyFrom(quote.terms)
    terms.total.minor_units += 1
    await ADD_QUOTE(self, replace(quote, terms=terms))


async def no_claims(self: Transaction, *_: Any) -> None:
    return


async def resend(self: dispatch.Dispatcher, attempt: Attempt) -> None:
    await self._send(replace(attempt, sent_at=None))


async def send_again(self: Sandbox, terms: Any, order_id: str) -> Outcome:
    return await self.issue(terms)


async def fail_when_unknown(self: dispatch.Dispatcher, tx: Transaction, attempt: Attempt, _: Outcome) -> None:
    await confirming.give_up(tx, attempt, Failure.REFUSED, self._clock)


async def withdrawal_ignored(tx: Transaction, attempt: Attempt, *_: Any) -> None:
    return


async def quote_stays_open(self: Transaction, quote_id: str, state: Any, booking_id: str | None) -> None:
    return


def never_expires(self: Quote, now: Any) -> Any:
    return self.state


async def ask_in_vain(self: Sandbox, *_: Any) -> Outcome:
    return Outcome(Result.NOT_FOUND)


async def sent_without_check(self: dispatch.Dispatcher, attempt: Attempt, quote: Quote) -> bool:
    return True


ADD_QUOTE = Transaction.add_quote
DEFECTS: dict[str, tuple[Any, str, Any]] = {
    "the consent isn't checked again before the request leaves": (ConsentGate, "recheck", affirmed),
    "a token alone confirms": (ConsentGate, "require", no_consent_needed),
    "two replicas send": (Transaction, "mark_sent", always_sendable),
    "sent_at isn't stored before the request leaves": (Transaction, "mark_sent", sent_at_forgotten),
    "the price of a quote changes": (Transaction, "add_quote", price_rises),
    "travellers aren't reserved": (Transaction, "claim", no_claims),
    "a failed booking keeps its claims": (Transaction, "release", no_claims),
    "an unknown outcome is sent again": (dispatch.Dispatcher, "_look_up", resend),
    "a look-up books": (Sandbox, "look_up", send_again),
    "an unknown outcome is a failure": (dispatch.Dispatcher, "_wait", fail_when_unknown),
    "a stop doesn't stop": (confirming, "give_up", withdrawal_ignored),
    "a consent is used twice": (Transaction, "set_quote", quote_stays_open),
    "a look-up without a result is final at once": (Sandbox, "final_after", timedelta(0)),
    "a look-up never ends": (Sandbox, "final_after", None),
    "an expired quote is sent": (dispatch.Dispatcher, "_may_send", sent_without_check),
}


@pytest.mark.parametrize("defect", DEFECTS)
def test_a_planted_defect_is_found(
    engine: AsyncEngine,
    loop: asyncio.AbstractEventLoop,
    monkeypatch: pytest.MonkeyPatch,
    defect: str,
) -> None:
    if engine.dialect.name != "sqlite":
        pytest.skip("one database is enough to find the defects of the code")
    monkeypatch.setattr(*DEFECTS[defect])
    found = (loop.run_until_complete(violations_of(engine, random_history(seed))) for seed in range(400))
    assert next(filter(None, found), None), "no history found it"
