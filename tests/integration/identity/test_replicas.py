"""Replicas of identity with one PostgreSQL database keep the promises of a single one."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Sequence
from contextlib import AsyncExitStack
from datetime import UTC, datetime
from pathlib import Path
from typing import TypeVar

import grpc
import pytest
import pytest_asyncio
from readback.identity.v1 import identity_service_pb2 as pb
from readback.internal.identity.v1 import identity_internal_service_pb2 as internal

from mesh.ids import uuid7
from services.identity.accounts.sign_in_throttling import FREE_ATTEMPTS
from services.identity.retention import PURGE_INTERVAL_SECONDS
from tests.integration.identity.harness import Identity, SignedIn, running_identity
from tests.postgres_server import PostgresServer
from tests.simulated_clock import SimulatedClock

pytestmark = pytest.mark.integration

REPLICAS = 3
T = TypeVar("T")


@pytest_asyncio.fixture
async def replicas(tmp_path: Path, postgres: PostgresServer) -> AsyncIterator[Sequence[Identity]]:
    """Replicas that start concurrently with an empty database, the same keys and the same clock."""
    url, clock = postgres.new_database(), SimulatedClock(datetime.now(UTC))
    async with AsyncExitStack() as stack:
        starting = [running_identity(tmp_path, clock, identity_database_url=url) for _ in range(REPLICAS)]
        yield await asyncio.gather(*(stack.enter_async_context(one) for one in starting))


async def codes(*calls: Awaitable[object]) -> Counter[str]:
    """Return how often concurrent calls ended with each code. Raises UNAVAILABLE, which no test expects."""
    answers = await asyncio.gather(*calls, return_exceptions=True)
    for answer in answers:
        if isinstance(answer, grpc.aio.AioRpcError) and answer.code() is grpc.StatusCode.UNAVAILABLE:
            raise answer
    return Counter(
        answer.code().name if isinstance(answer, grpc.aio.AioRpcError) else "OK" for answer in answers
    )


async def test_replicas_share_their_data(replicas: Sequence[Identity]) -> None:
    asha = await replicas[0].register()
    await replicas[1].stub.GetCustomer(pb.GetCustomerRequest(), metadata=asha.headers)
    tokens = await replicas[2].refresh(asha.tokens.refresh_token)
    await replicas[0].refresh(tokens.refresh_token)


async def test_concurrent_registrations_on_all_replicas_make_one_account(
    replicas: Sequence[Identity],
) -> None:
    assert await codes(*(one.register() for one in replicas)) == {"OK": 1, "ALREADY_EXISTS": REPLICAS - 1}


async def test_concurrent_refreshes_on_all_replicas_leave_one_usable_chain(
    replicas: Sequence[Identity],
) -> None:
    token = (await replicas[0].register()).tokens.refresh_token
    for _ in range(2):
        pairs = await asyncio.gather(*(replicas[n % REPLICAS].refresh(token) for n in range(30)))
        (token,) = {pair.refresh_token for pair in pairs}


async def test_reuse_found_on_one_replica_ends_the_session_on_all(replicas: Sequence[Identity]) -> None:
    asha = await replicas[0].register()
    second = await replicas[1].refresh(asha.tokens.refresh_token)
    third = await replicas[2].refresh(second.refresh_token)
    assert await codes(replicas[0].refresh(asha.tokens.refresh_token)) == {"UNAUTHENTICATED": 1}
    assert await codes(*(one.refresh(third.refresh_token) for one in replicas)) == {
        "UNAUTHENTICATED": REPLICAS
    }


async def test_guesses_spread_over_replicas_are_counted_together(replicas: Sequence[Identity]) -> None:
    await replicas[0].register()
    guesses = (replicas[n % REPLICAS].login(password=f"a wrong password {n}") for n in range(20))
    assert await codes(*guesses) == {
        "UNAUTHENTICATED": FREE_ATTEMPTS,
        "RESOURCE_EXHAUSTED": 20 - FREE_ATTEMPTS,
    }


async def test_the_same_request_on_all_replicas_runs_once_with_one_response(
    replicas: Sequence[Identity],
) -> None:
    asha = await replicas[0].register()
    request = pb.LogoutRequest(request_id=uuid7())
    assert await codes(
        *(replicas[n % REPLICAS].stub.Logout(request, metadata=asha.headers) for n in range(12))
    ) == {"OK": 12}
    other = internal.RevokeGrantRequest(request_id=request.request_id, call_id=uuid7())
    assert await codes(replicas[1].internal.RevokeGrant(other, metadata=asha.headers)) == {
        "ALREADY_EXISTS": 1
    }


async def test_an_assertion_is_valid_once_on_any_replica(replicas: Sequence[Identity]) -> None:
    proof = internal.ExchangeTokenRequest(actor_assertion=replicas[0].assertion())
    assert await codes(*(one.internal.ExchangeToken(proof) for one in replicas)) == {
        "OK": 1,
        "UNAUTHENTICATED": REPLICAS - 1,
    }


async def test_concurrent_grants_on_all_replicas_leave_one_grant(replicas: Sequence[Identity]) -> None:
    asha, call_id, conversation_id = await replicas[0].register(), uuid7(), uuid7()
    issued = await asyncio.gather(
        *(replicas[n % REPLICAS].grant(asha, call_id, conversation_id) for n in range(12))
    )
    outcome = await codes(*(replicas[n % REPLICAS].exchange(one.grant) for n, one in enumerate(issued)))
    assert outcome == {"OK": 1, "UNAUTHENTICATED": 11}


async def test_signing_out_during_refreshes_and_grants_leaves_nothing_usable(
    replicas: Sequence[Identity],
) -> None:
    for _ in range(5):
        asha = await replicas[0].register(f"{uuid7()}@example.com")
        pairs: list[pb.TokenPair] = []
        grants: list[internal.GrantCallResponse] = []

        async def keep(into: list[T], call: Awaitable[T]) -> None:
            into.append(await call)

        await codes(
            keep(pairs, replicas[0].refresh(asha.tokens.refresh_token)),
            keep(grants, replicas[1].grant(asha, uuid7())),
            replicas[2].stub.Logout(pb.LogoutRequest(request_id=uuid7()), metadata=asha.headers),
        )
        assert set(await codes(*(replicas[0].refresh(pair.refresh_token) for pair in pairs))) <= {
            "UNAUTHENTICATED"
        }
        assert set(await codes(*(replicas[1].exchange(one.grant) for one in grants))) <= {"UNAUTHENTICATED"}


async def test_deleting_an_account_in_use_causes_no_internal_error(
    replicas: Sequence[Identity],
) -> None:
    for _ in range(5):
        email = f"{uuid7()}@example.com"
        asha = await replicas[0].register(email)
        deletion = pb.DeleteCustomerRequest(request_id=uuid7(), password="a flock of quiet herons")
        outcome = await codes(
            replicas[0].stub.DeleteCustomer(deletion, metadata=asha.headers),
            replicas[1].refresh(asha.tokens.refresh_token),
            replicas[2].login(email),
            replicas[1].grant(asha, uuid7()),
        )
        assert set(outcome) <= {"OK", "UNAUTHENTICATED", "RESOURCE_EXHAUSTED"}
        assert await codes(replicas[2].refresh(asha.tokens.refresh_token)) == {"UNAUTHENTICATED": 1}


async def test_replicas_purge_without_conflicts(replicas: Sequence[Identity]) -> None:
    clock = replicas[0].clock
    people = [await replicas[n % REPLICAS].register(f"{uuid7()}@example.com") for n in range(6)]
    clock.advance(31 * 24 * 3600)
    for _ in range(3):
        clock.advance(PURGE_INTERVAL_SECONDS)
        refreshed = await codes(
            *(replicas[n % REPLICAS].refresh(one.tokens.refresh_token) for n, one in enumerate(people))
        )
        assert refreshed == {"UNAUTHENTICATED": len(people)}
    again: list[SignedIn] = [
        await replicas[n % REPLICAS].login(one.customer.email) for n, one in enumerate(people)
    ]
    assert len(again) == len(people)
