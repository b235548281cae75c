"""Sessions over gRPC: refreshed, stolen, ended."""

from __future__ import annotations

import asyncio
import sqlite3
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path

import grpc
import pytest
from readback.identity.v1 import identity_service_pb2 as pb

from mesh.ids import uuid7
from tests.integration.identity.harness import Identity, SignedIn, refused, running_identity

pytestmark = pytest.mark.integration

ENDED = (grpc.StatusCode.UNAUTHENTICATED, "SESSION_ENDED")
REUSED = (grpc.StatusCode.UNAUTHENTICATED, "REFRESH_TOKEN_REUSED")
GRANT_ENDED = (grpc.StatusCode.UNAUTHENTICATED, "GRANT_ENDED")


async def _logout(identity: Identity, who: SignedIn, request_id: str | None = None) -> None:
    await identity.stub.Logout(pb.LogoutRequest(request_id=request_id or uuid7()), metadata=who.headers)


async def test_a_refresh_returns_new_tokens_of_the_session(identity: Identity) -> None:
    asha = await identity.register()
    seen = {asha.tokens.refresh_token}
    tokens = asha.tokens
    for _ in range(5):
        identity.clock.advance(600)
        tokens = await identity.refresh(tokens.refresh_token)
        seen.add(tokens.refresh_token)
        assert tokens.session_expire_time == asha.tokens.session_expire_time
        assert tokens.access_expire_time.ToDatetime(UTC) == (
            identity.clock.now() + timedelta(minutes=10)
        ).replace(microsecond=0)
        await identity.stub.GetCustomer(
            pb.GetCustomerRequest(), metadata=SignedIn(asha.customer, tokens).headers
        )
    assert len(seen) == 6


async def test_a_session_survives_a_restart_of_the_service(tmp_path: Path) -> None:
    async with running_identity(tmp_path) as before:
        asha = await before.register()
    async with running_identity(tmp_path) as after:
        await after.stub.GetCustomer(pb.GetCustomerRequest(), metadata=asha.headers)
        await after.refresh(asha.tokens.refresh_token)


async def test_refreshing_does_not_extend_a_session(identity: Identity) -> None:
    tokens = (await identity.register()).tokens
    day = timedelta(days=1).total_seconds()
    for _ in range(29):
        identity.clock.advance(day)
        tokens = await identity.refresh(tokens.refresh_token)
    identity.clock.advance(day - 60)
    tokens = await identity.refresh(tokens.refresh_token)
    assert tokens.access_expire_time.ToDatetime(UTC) <= tokens.session_expire_time.ToDatetime(UTC)
    identity.clock.advance(60)
    assert await refused(identity.refresh(tokens.refresh_token)) == ENDED


async def test_reuse_of_a_spent_token_ends_the_session(identity: Identity) -> None:
    asha = await identity.register()
    grant = await identity.grant(asha, uuid7())
    second = await identity.refresh(asha.tokens.refresh_token)
    third = await identity.refresh(second.refresh_token)
    assert await refused(identity.refresh(asha.tokens.refresh_token)) == REUSED
    for token in (asha.tokens, second, third):
        assert await refused(identity.refresh(token.refresh_token)) == ENDED
    assert await refused(identity.exchange(grant.grant)) == GRANT_ENDED
    assert await refused(identity.grant(asha, uuid7())) == ENDED


async def test_reuse_does_not_affect_other_sessions(identity: Identity) -> None:
    asha = await identity.register()
    elsewhere = await identity.login()
    await identity.refresh((await identity.refresh(asha.tokens.refresh_token)).refresh_token)
    assert await refused(identity.refresh(asha.tokens.refresh_token)) == REUSED
    await identity.refresh(elsewhere.tokens.refresh_token)


async def test_a_client_that_lost_the_response_gets_the_same_token_again(identity: Identity) -> None:
    asha = await identity.register()
    answers = [await identity.refresh(asha.tokens.refresh_token) for _ in range(3)]
    assert len({answer.refresh_token for answer in answers}) == 1
    await identity.refresh(answers[0].refresh_token)


async def test_a_spent_token_ends_the_session_after_seconds_although_its_successor_was_not_used(
    identity: Identity,
) -> None:
    asha = await identity.register()
    newest = await identity.refresh(asha.tokens.refresh_token)
    identity.clock.advance(identity.settings.identity_refresh_repeat_seconds)
    assert await refused(identity.refresh(asha.tokens.refresh_token)) == REUSED
    assert await refused(identity.refresh(newest.refresh_token)) == ENDED


async def test_a_grandparent_is_reuse_although_the_newest_token_was_never_used(identity: Identity) -> None:
    asha = await identity.register()
    second = await identity.refresh(asha.tokens.refresh_token)
    await identity.refresh(second.refresh_token)
    await identity.refresh(second.refresh_token)
    assert await refused(identity.refresh(asha.tokens.refresh_token)) == REUSED
    assert await refused(identity.refresh(second.refresh_token)) == ENDED


async def test_concurrent_refreshes_all_get_the_same_successor(identity: Identity) -> None:
    asha = await identity.register()
    answers = await asyncio.gather(*(identity.refresh(asha.tokens.refresh_token) for _ in range(8)))
    assert len({answer.refresh_token for answer in answers}) == 1
    await identity.refresh(answers[0].refresh_token)
    assert await refused(identity.refresh(asha.tokens.refresh_token)) == REUSED


async def test_a_stolen_refresh_token_ends_the_session_for_both_parties(identity: Identity) -> None:
    asha = await identity.register()
    of_the_thief = await identity.refresh(asha.tokens.refresh_token)
    of_asha = await identity.refresh(asha.tokens.refresh_token)
    of_asha = await identity.refresh(of_asha.refresh_token)
    identity.clock.advance(identity.settings.identity_refresh_repeat_seconds)
    assert await refused(identity.refresh(of_the_thief.refresh_token)) == REUSED
    assert await refused(identity.refresh(of_asha.refresh_token)) == ENDED


@pytest.mark.parametrize("token", ["x", "rbr_" + "A" * 43, "' OR 1=1 --", "\0", "ü" * 512])
async def test_an_unknown_refresh_token_is_an_ended_session(identity: Identity, token: str) -> None:
    await identity.register()
    assert await refused(identity.refresh(token)) == ENDED


async def test_access_tokens_and_grants_are_not_refresh_tokens(identity: Identity) -> None:
    asha = await identity.register()
    grant = await identity.grant(asha, uuid7())
    assert await refused(identity.refresh(grant.grant)) == ENDED
    code, _ = await refused(identity.refresh(asha.tokens.access_token))
    assert code in {grpc.StatusCode.UNAUTHENTICATED, grpc.StatusCode.INVALID_ARGUMENT}


async def test_logging_out_ends_only_this_session_and_its_grants(identity: Identity) -> None:
    asha = await identity.register()
    elsewhere = await identity.login()
    here, there = await identity.grant(asha, uuid7()), await identity.grant(elsewhere, uuid7())
    await _logout(identity, asha)
    assert await refused(identity.refresh(asha.tokens.refresh_token)) == ENDED
    assert await refused(identity.exchange(here.grant)) == GRANT_ENDED
    assert await refused(identity.grant(asha, uuid7())) == ENDED
    await identity.exchange(there.grant)
    await identity.refresh(elsewhere.tokens.refresh_token)


async def test_logging_out_again_succeeds_with_the_same_request_id_and_with_another(
    identity: Identity,
) -> None:
    asha = await identity.register()
    request_id = uuid7()
    await _logout(identity, asha, request_id)
    await _logout(identity, asha, request_id)
    await _logout(identity, asha)


async def test_an_expired_session_is_purged(tmp_path: Path) -> None:
    async with running_identity(tmp_path) as identity:
        asha = await identity.register()
        await identity.grant(asha, uuid7())
        await refused(identity.login("nobody@example.com", "not a password"))
        await identity.exchange()
        await _logout(identity, asha)
        await identity.login()
        later = identity.clock
    later.advance(timedelta(days=30).total_seconds())
    async with running_identity(tmp_path, later) as identity:
        await identity.login()  # after the first purge, because writers queue
    counts = _rows(tmp_path)
    assert counts == {
        "customers": 1,
        "sessions": 1,
        "refresh_tokens": 1,
        "grants": 0,
        "failed_attempts": 0,
        "seen_assertions": 0,
    }


def _rows(home: Path) -> dict[str, int]:
    tables = ("customers", "sessions", "refresh_tokens", "grants", "failed_attempts", "seen_assertions")
    with closing(sqlite3.connect(home / "identity.sqlite3")) as connection:
        return {table: connection.execute(f"SELECT count(*) FROM {table}").fetchone()[0] for table in tables}


async def test_the_clock_of_a_session_is_utc(identity: Identity) -> None:
    asha = await identity.register()
    assert asha.customer.create_time.ToDatetime(UTC) == identity.clock.now()
    assert asha.tokens.session_expire_time.ToDatetime(UTC) == identity.clock.now() + timedelta(days=30)
    assert datetime.now(UTC) - identity.clock.now() < timedelta(minutes=5)


async def test_the_access_token_of_an_ended_session_shows_no_account(identity: Identity) -> None:
    asha = await identity.register()
    elsewhere = await identity.login()
    await _logout(identity, asha)
    request = pb.GetCustomerRequest()
    assert await refused(identity.stub.GetCustomer(request, metadata=asha.headers)) == ENDED
    found = await identity.stub.GetCustomer(request, metadata=elsewhere.headers)
    assert found.customer == asha.customer
