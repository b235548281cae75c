"""Throttling of failed sign-ins over gRPC, with a simulated clock."""

from __future__ import annotations

import asyncio
from datetime import timedelta

import grpc
import pytest
from readback.identity.v1 import identity_service_pb2 as pb

from mesh.errors import retry_after_of
from mesh.ids import uuid7
from services.identity.accounts.sign_in_throttling import FREE_ATTEMPTS, MAX_WAIT
from tests.integration.identity.harness import PASSWORD, Identity, refused

pytestmark = pytest.mark.integration

WRONG = (grpc.StatusCode.UNAUTHENTICATED, "WRONG_CREDENTIALS")
THROTTLED = (grpc.StatusCode.RESOURCE_EXHAUSTED, "TOO_MANY_ATTEMPTS")


async def _wait_asked_for(
    identity: Identity, email: str = "asha@example.com", password: str = "wrong"
) -> timedelta | None:
    with pytest.raises(grpc.aio.AioRpcError) as caught:
        await identity.login(email, password)
    return retry_after_of(caught.value)


async def _exhaust(identity: Identity, email: str = "asha@example.com") -> None:
    for _ in range(FREE_ATTEMPTS):
        assert await refused(identity.login(email, "wrong")) == WRONG


async def test_after_a_few_failures_even_the_right_password_must_wait(
    identity: Identity,
) -> None:
    await identity.register()
    await _exhaust(identity)
    assert await refused(identity.login()) == THROTTLED
    wait = await _wait_asked_for(identity, password=PASSWORD)
    assert wait is not None
    identity.clock.advance(wait.total_seconds())
    await identity.login()


async def test_a_success_resets_the_failures(identity: Identity) -> None:
    await identity.register()
    for _ in range(3):
        for _ in range(FREE_ATTEMPTS - 1):
            assert await refused(identity.login(password="wrong")) == WRONG
        await identity.login()


async def test_unknown_addresses_are_throttled_like_known_ones(identity: Identity) -> None:
    await identity.register()
    waits: list[list[timedelta | None]] = [[], []]
    for _ in range(FREE_ATTEMPTS + 3):
        for who, email in enumerate(("asha@example.com", "nobody@example.com")):
            waits[who].append(await _wait_asked_for(identity, email))
        identity.clock.advance(0.5)
    assert waits[0] == waits[1]
    assert waits[0][-1] is not None


async def test_an_address_is_throttled_in_any_case_and_others_are_not(identity: Identity) -> None:
    await identity.register()
    ravi = await identity.register("ravi@example.com")
    await _exhaust(identity)
    assert await refused(identity.login("ASHA@example.com")) == THROTTLED
    assert (await identity.login("ravi@example.com")).customer == ravi.customer


async def test_concurrent_guesses_are_throttled(identity: Identity) -> None:
    await identity.register()
    outcomes = await asyncio.gather(*(refused(identity.login(password=f"guess {n}")) for n in range(16)))
    assert outcomes.count(WRONG) == FREE_ATTEMPTS
    assert outcomes.count(THROTTLED) == 16 - FREE_ATTEMPTS


async def test_concurrent_right_passwords_all_sign_in(identity: Identity) -> None:
    asha = await identity.register()
    sessions = await asyncio.gather(*(identity.login() for _ in range(3 * FREE_ATTEMPTS)))
    assert {session.customer.customer_id for session in sessions} == {asha.customer.customer_id}


async def test_a_continuous_attack_does_not_lock_the_account(identity: Identity) -> None:
    asha = await identity.register()
    tokens = asha.tokens
    for _ in range(40):
        wait = await _wait_asked_for(identity) or timedelta()
        assert wait <= MAX_WAIT
        identity.clock.advance(wait.total_seconds() or 1)
    tokens = await identity.refresh(tokens.refresh_token)  # the open session is not affected
    identity.clock.advance(MAX_WAIT.total_seconds())
    await identity.login()


async def test_a_stolen_access_token_does_not_help_to_guess_the_password(identity: Identity) -> None:
    asha = await identity.register()
    for _ in range(FREE_ATTEMPTS):
        request = pb.DeleteCustomerRequest(password="wrong", request_id=uuid7())
        wrong = (grpc.StatusCode.INVALID_ARGUMENT, "WRONG_PASSWORD")
        assert await refused(identity.stub.DeleteCustomer(request, metadata=asha.headers)) == wrong
    request = pb.DeleteCustomerRequest(password=PASSWORD, request_id=uuid7())
    assert await refused(identity.stub.DeleteCustomer(request, metadata=asha.headers)) == THROTTLED
