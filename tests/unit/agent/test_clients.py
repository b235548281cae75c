"""The delegated token: exchanged once, renewed before it expires, fetched once for concurrent calls."""

import asyncio
from datetime import UTC, datetime, timedelta
from typing import Any, cast

import pytest

from agent.clients import DelegatedToken
from mesh.security.workload_identity import ExchangedToken
from tests.simulated_clock import SimulatedClock

pytestmark = pytest.mark.unit

NOW = datetime(2026, 11, 23, 9, tzinfo=UTC)


class Identity:
    """Exchanges grants for tokens of five minutes."""

    def __init__(self, clock: SimulatedClock) -> None:
        self._clock = clock
        self.exchanged: list[str] = []

    async def exchange(self, grant: str) -> ExchangedToken:
        self.exchanged.append(grant)
        await asyncio.sleep(0)
        return ExchangedToken(f"token {len(self.exchanged)}", self._clock.now() + timedelta(minutes=5))


@pytest.fixture
def clock() -> SimulatedClock:
    return SimulatedClock(NOW)


@pytest.fixture
def identity(clock: SimulatedClock) -> Identity:
    return Identity(clock)


@pytest.fixture
def token(identity: Identity, clock: SimulatedClock) -> DelegatedToken:
    return DelegatedToken(cast("Any", identity), "the grant", clock)


async def test_the_grant_is_exchanged_once(token: DelegatedToken, identity: Identity) -> None:
    assert [await token(), await token()] == ["token 1", "token 1"]
    assert identity.exchanged == ["the grant"]


async def test_a_token_is_renewed_before_it_expires(token: DelegatedToken, clock: SimulatedClock) -> None:
    await token()
    clock.advance(4 * 60 - 1)
    assert await token() == "token 1"
    clock.advance(2)
    assert await token() == "token 2"


async def test_concurrent_calls_share_one_exchange(token: DelegatedToken, identity: Identity) -> None:
    assert set(await asyncio.gather(*(token() for _ in range(5)))) == {"token 1"}
    assert len(identity.exchanged) == 1
