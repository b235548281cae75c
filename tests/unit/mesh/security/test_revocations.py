"""The verifier's list of revocations: fetched in time, and no burden while identity is down."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime

import grpc
import pytest

from mesh.errors import Unauthenticated
from mesh.security.authentication import Principal, TokenVerifier
from mesh.security.revocations import FETCH_SECONDS, MAX_AGE_SECONDS, RevocationList, hash_of
from tests.mesh_tokens import KID, SigningKey
from tests.simulated_clock import SimulatedClock

pytestmark = pytest.mark.unit

KEY = SigningKey()


class Identity:
    """Counts its fetches."""

    def __init__(self) -> None:
        self.asked, self.down = 0, False
        self.revoked: list[str] = []

    async def __call__(self) -> list[bytes]:
        self.asked += 1
        await asyncio.sleep(0)
        if self.down:
            raise grpc.aio.AioRpcError(grpc.StatusCode.UNAVAILABLE, grpc.aio.Metadata(), grpc.aio.Metadata())
        return [hash_of(one) for one in self.revoked]


@pytest.fixture
def clock() -> SimulatedClock:
    """A clock that starts now."""
    return SimulatedClock(datetime.now(UTC))


@pytest.fixture
def identity() -> Identity:
    """An identity service without revocations."""
    return Identity()


@pytest.fixture
def revocations(identity: Identity, clock: SimulatedClock) -> RevocationList:
    """The list, not yet fetched."""
    return RevocationList(identity, clock)


async def _ada() -> Principal:
    async def keys(kid: str):
        return KEY.public if kid == KID else None

    return await TokenVerifier(keys).verify(KEY.token(sub="ada", sid="session"))


@pytest.mark.parametrize("subject", ["ada", "session"])
async def test_the_first_request_waits_for_the_list(
    revocations: RevocationList, identity: Identity, subject: str
) -> None:
    identity.revoked = [subject]
    assert await revocations.includes(await _ada())


async def test_a_request_after_a_pause_waits_for_a_new_list(
    revocations: RevocationList, identity: Identity, clock: SimulatedClock
) -> None:
    ada = await _ada()
    assert not await revocations.includes(ada)
    identity.revoked = ["ada"]
    clock.advance(MAX_AGE_SECONDS + 1)
    assert await revocations.includes(ada)


async def test_a_young_list_is_renewed_without_delay(
    revocations: RevocationList, identity: Identity, clock: SimulatedClock
) -> None:
    ada = await _ada()
    await revocations.includes(ada)
    identity.revoked = ["ada"]
    for _ in range(5):
        assert not await revocations.includes(ada)
    assert identity.asked == 1
    clock.advance(FETCH_SECONDS)
    assert not await revocations.includes(ada)
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    assert await revocations.includes(ada)
    assert identity.asked == 2


async def test_while_identity_is_down_the_last_list_applies_without_delay(
    revocations: RevocationList, identity: Identity, clock: SimulatedClock
) -> None:
    ada = await _ada()
    identity.revoked = ["ada"]
    assert await revocations.includes(ada)
    identity.down = True
    for _ in range(20):
        clock.advance(FETCH_SECONDS)
        assert await revocations.includes(ada)
        await asyncio.sleep(0)
        await asyncio.sleep(0)
    assert identity.asked == 21


async def test_a_revoked_token_is_refused_with_the_reason(
    revocations: RevocationList, identity: Identity, clock: SimulatedClock
) -> None:
    async def keys(kid: str):
        return KEY.public if kid == KID else None

    identity.revoked = ["ada"]
    verifier = TokenVerifier(keys, clock=clock, revocations=revocations)
    with pytest.raises(Unauthenticated, match="revoked"):
        await verifier.verify(KEY.token(sub="ada"))
    await verifier.verify(KEY.token(sub="bob"))
