"""The list of revocations that verifiers get."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import cast

import pytest

from mesh.errors import StoreUnavailable
from mesh.security.revocations import hash_of
from services.identity.store.store import Store
from services.identity.tokens.revocations import Revocations
from tests.simulated_clock import SimulatedClock

pytestmark = pytest.mark.unit


class Database:
    """A database with one revocation, which can be slow or down."""

    def __init__(self) -> None:
        self.down, self.ready, self.reads = False, asyncio.Event(), 0

    @asynccontextmanager
    async def reading(self) -> AsyncIterator[Database]:
        """Open a transaction."""
        self.reads += 1
        await self.ready.wait()
        if self.down:
            raise StoreUnavailable
        yield self

    async def revoked(self, _now: object, *, limit: int) -> Sequence[str]:
        """Return the revoked session."""
        return ["session"][:limit]


async def test_requests_during_the_first_read_get_its_result(clock: SimulatedClock) -> None:
    database = Database()
    revocations = Revocations(cast("Store", database), clock)
    answers = [asyncio.ensure_future(revocations.hashes()) for _ in range(3)]
    await asyncio.sleep(0)
    database.ready.set()
    assert await asyncio.gather(*answers) == [[hash_of("session")]] * 3
    assert database.reads == 1


async def test_a_failed_read_is_not_an_empty_list(clock: SimulatedClock) -> None:
    database = Database()
    database.ready.set()
    database.down = True
    revocations = Revocations(cast("Store", database), clock)
    for _ in range(2):
        with pytest.raises(StoreUnavailable):
            await revocations.hashes()
    database.down = False
    assert await revocations.hashes() == [hash_of("session")]
