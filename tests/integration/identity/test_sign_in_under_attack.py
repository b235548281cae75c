"""Guessing and floods don't keep the owner of an account out."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import grpc
import pytest
from readback.identity.v1 import identity_service_pb2 as pb

from mesh.ids import uuid7
from services.identity.accounts.sign_in_throttling import FREE_ATTEMPTS, FREE_ATTEMPTS_OF_ACCOUNT
from tests.integration.identity.harness import PASSWORD, Headers, Identity, refused, running_identity

pytestmark = pytest.mark.integration

WRONG = (grpc.StatusCode.UNAUTHENTICATED, "WRONG_CREDENTIALS")
THROTTLED = (grpc.StatusCode.RESOURCE_EXHAUSTED, "TOO_MANY_ATTEMPTS")
OWNER, GUESSER = "192.0.2.1", "198.51.100.7"
IN_FLIGHT = 30
PATIENCE_SECONDS = 8.0
"""Time for a sign-in during an attack, which hashes for half a second on an idle core."""


@asynccontextmanager
async def _attacking(identity: Identity, headers: Headers, *emails: str) -> AsyncIterator[None]:
    """Guess passwords of the accounts without a pause, many at a time; yield after the first answer."""
    answered, enough = asyncio.Event(), asyncio.Event()

    async def guess(number: int) -> None:
        while not enough.is_set():
            request = pb.LoginRequest(
                email=emails[number % len(emails)], password=f"a wrong password {uuid7()}"
            )
            code = await identity.stub.Login(request, metadata=headers).code()
            answered.set()
            if code is grpc.StatusCode.RESOURCE_EXHAUSTED:
                await asyncio.sleep(1)  # so that together they send thirty a second

    async with asyncio.TaskGroup() as group:
        for number in range(IN_FLIGHT):
            group.create_task(guess(number))
        await answered.wait()
        yield
        enough.set()


async def _signs_in(identity: Identity, headers: Headers) -> None:
    request = pb.LoginRequest(email="asha@example.com", password=PASSWORD)
    await identity.stub.Login(request, metadata=headers, timeout=PATIENCE_SECONDS)


async def test_the_right_password_gets_in_during_guesses_on_the_account_and_a_flood_on_others(
    tmp_path: Path,
) -> None:
    async with running_identity(tmp_path, identity_bcrypt_cost=12) as identity:
        page = await identity.page()
        await identity.register()
        async with _attacking(identity, page.browser(GUESSER), "asha@example.com"):
            for number in range(2):
                await _signs_in(identity, page.browser(f"192.0.2.{number}"))
        others = [f"{number}@example.com" for number in range(IN_FLIGHT)]
        async with _attacking(identity, page.browser("198.51.100.8"), *others):
            for number in range(2):
                await _signs_in(identity, page.browser(f"192.0.2.{number + 10}"))


async def test_a_source_that_guesses_waits_and_other_sources_do_not(identity: Identity) -> None:
    page = await identity.page()
    await identity.register()
    for _ in range(FREE_ATTEMPTS):
        assert await refused(identity.login(password="wrong", headers=page.browser(GUESSER))) == WRONG
    assert await refused(identity.login(headers=page.browser(GUESSER))) == THROTTLED
    await identity.login(headers=page.browser(OWNER))
    assert await refused(identity.login(headers=page.browser(GUESSER))) == THROTTLED


async def test_one_source_can_not_use_up_the_accounts_attempts(identity: Identity) -> None:
    page = await identity.page()
    await identity.register()
    for _ in range(FREE_ATTEMPTS_OF_ACCOUNT + 10):
        await refused(identity.login(password="wrong", headers=page.browser(GUESSER)))
        identity.clock.advance(60)
    await identity.login(headers=page.browser(OWNER))


async def test_many_sources_together_are_throttled_and_a_known_source_gets_in(identity: Identity) -> None:
    page = await identity.page()
    await identity.register(headers=page.browser(OWNER))
    sources = [f"198.51.100.{number}" for number in range(FREE_ATTEMPTS_OF_ACCOUNT // FREE_ATTEMPTS)]
    for source in sources:
        for _ in range(FREE_ATTEMPTS):
            assert await refused(identity.login(password="wrong", headers=page.browser(source))) == WRONG
    stranger = page.browser("203.0.113.5")
    assert await refused(identity.login(headers=stranger)) == THROTTLED
    await identity.login(headers=page.browser(OWNER))
    assert await refused(identity.login(headers=stranger)) == THROTTLED
    identity.clock.advance(60)
    await identity.login(headers=stranger)


async def test_a_source_that_tries_many_accounts_waits_except_for_accounts_it_has_signed_in_to(
    tmp_path: Path,
) -> None:
    async with running_identity(tmp_path, identity_failures_per_minute=6) as identity:
        page = await identity.page()
        await identity.register(headers=page.browser(GUESSER))
        await identity.register("ravi@example.com", headers=page.browser(OWNER))
        for number in range(6):
            call = identity.login(f"{number}@example.com", headers=page.browser(GUESSER))
            assert await refused(call) == WRONG
        assert await refused(identity.login("ravi@example.com", headers=page.browser(GUESSER))) == THROTTLED
        await identity.login(headers=page.browser(GUESSER))
        await identity.login("ravi@example.com", headers=page.browser(OWNER))
        identity.clock.advance(10)
        await identity.login("ravi@example.com", headers=page.browser(GUESSER))


async def test_a_source_can_register_only_so_many_accounts(tmp_path: Path) -> None:
    async with running_identity(tmp_path, identity_registrations_per_hour=3) as identity:
        page = await identity.page()
        for number in range(3):
            await identity.register(f"{number}@example.com", headers=page.browser(GUESSER))
        for email in ("0@example.com", "3@example.com"):  # taken or not
            assert await refused(identity.register(email, headers=page.browser(GUESSER))) == THROTTLED
        await identity.register(headers=page.browser(OWNER))
        identity.clock.advance(20 * 60)
        await identity.register("3@example.com", headers=page.browser(GUESSER))


async def test_only_a_trusted_workload_may_say_where_a_request_comes_from(identity: Identity) -> None:
    await identity.register()
    page, agent = await identity.page(), await identity.exchange(actor="agent")
    for number in range(FREE_ATTEMPTS):
        source = page.browser(f"203.0.113.{number}")[1:]
        token = page.browser("")[:0] if number % 2 else (("authorization", f"Bearer {agent}"),)
        assert await refused(identity.login(password="wrong", headers=(*token, *source))) == WRONG
    assert await refused(identity.login(headers=page.browser("203.0.113.9")[1:])) == THROTTLED
    await identity.login(headers=page.browser("203.0.113.9"))
