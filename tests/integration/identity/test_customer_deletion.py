"""Deleting a customer: what is left, who learns of it, and which tokens still work."""

from __future__ import annotations

from pathlib import Path

import grpc
import pytest
from readback.identity.v1 import identity_service_pb2 as pb
from readback.internal.identity.v1 import identity_internal_service_pb2 as internal

from mesh.calling.channel import open_channel
from mesh.errors import Unauthenticated
from mesh.ids import uuid7
from mesh.security.authentication import TokenVerifier, bearer
from mesh.security.revocations import IDENTITY, MAX_AGE_SECONDS, verifier_of_identity
from tests.integration.identity.harness import PASSWORD, Identity, SignedIn, running_identity

pytestmark = pytest.mark.integration


async def _delete(identity: Identity, who: SignedIn) -> None:
    request = pb.DeleteCustomerRequest(password=PASSWORD, request_id=uuid7())
    await identity.stub.DeleteCustomer(request, metadata=who.headers)


async def test_nothing_of_a_deleted_customer_is_left_in_the_files(tmp_path: Path) -> None:
    async with running_identity(tmp_path) as identity:
        asha = await identity.register("Asha.Rao@example.com", name="Asha the Unforgettable")
        await identity.login("asha.rao@example.com")
        await identity.refresh(asha.tokens.refresh_token)
        assert _traces(tmp_path)
        await _delete(identity, asha)
        assert not _traces(tmp_path)


def _traces(home: Path) -> list[Path]:
    files = sorted(home.glob("identity.sqlite3*"))
    wanted = (b"asha.rao@", b"Asha.Rao@", b"Unforgettable", b"v2$2b$")
    return [path for path in files if any(trace in path.read_bytes() for trace in wanted)]


async def _listed(identity: Identity, headers: tuple[tuple[str, str], ...]) -> list[str]:
    answer = await identity.internal.ListDeletedCustomers(
        internal.ListDeletedCustomersRequest(), metadata=headers
    )
    return list(answer.customer_ids)


async def test_conversation_is_told_of_a_deletion_until_it_confirms_and_again_when_no_token_works(
    identity: Identity,
) -> None:
    asha, ravi = await identity.register(), await identity.register("ravi@example.com")
    conversation = bearer(await identity.exchange(actor="conversation"))
    assert await _listed(identity, conversation) == []
    for who in (asha, ravi):
        await _delete(identity, who)
        await _delete(identity, who)
    both = [asha.customer.customer_id, ravi.customer.customer_id]
    assert sorted(await _listed(identity, conversation)) == sorted(both)
    confirmation = internal.ConfirmDeletedCustomersRequest(customer_ids=both[:1])
    for _ in range(2):
        await identity.internal.ConfirmDeletedCustomers(confirmation, metadata=conversation)
    assert await _listed(identity, conversation) == both[1:]

    identity.clock.advance(identity.settings.identity_customer_token_seconds)
    conversation = bearer(await identity.exchange(actor="conversation"))
    assert sorted(await _listed(identity, conversation)) == sorted(both)
    await identity.internal.ConfirmDeletedCustomers(
        internal.ConfirmDeletedCustomersRequest(customer_ids=both), metadata=conversation
    )
    identity.clock.advance(3600)
    conversation = bearer(await identity.exchange(actor="conversation"))
    assert await _listed(identity, conversation) == []


async def test_each_service_confirms_a_deletion_for_itself(identity: Identity) -> None:
    asha = await identity.register()
    await _delete(identity, asha)
    callers = [bearer(await identity.exchange(actor=name)) for name in ("conversation", "booking")]
    confirmation = internal.ConfirmDeletedCustomersRequest(customer_ids=[asha.customer.customer_id])
    await identity.internal.ConfirmDeletedCustomers(confirmation, metadata=callers[0])
    assert [len(await _listed(identity, headers)) for headers in callers] == [0, 1]


async def _refusal(verifier: TokenVerifier, token: str) -> str | None:
    try:
        await verifier.verify(token)
    except Unauthenticated as error:
        return error.metadata["problem"]
    return None


async def test_tokens_of_deleted_customers_and_ended_sessions_stop_working_within_half_a_minute(
    identity: Identity,
) -> None:
    asha, ravi = await identity.register(), await identity.register("ravi@example.com")
    elsewhere = await identity.login("ravi@example.com")
    agent = await identity.exchange((await identity.grant(asha, uuid7())).grant)
    async with open_channel(identity.address, *IDENTITY) as channel:
        verifier = verifier_of_identity(channel, identity.clock)
        revoked, valid = (
            [asha.tokens.access_token, agent, ravi.tokens.access_token],
            elsewhere.tokens.access_token,
        )
        assert [await _refusal(verifier, token) for token in (*revoked, valid)] == [None] * 4
        await _delete(identity, asha)
        await identity.stub.Logout(pb.LogoutRequest(request_id=uuid7()), metadata=ravi.headers)
        identity.clock.advance(MAX_AGE_SECONDS + 1)
        assert [await _refusal(verifier, token) for token in revoked] == ["revoked"] * 3
        assert await _refusal(verifier, valid) is None


async def test_reuse_of_a_refresh_token_revokes_the_sessions_access_tokens(identity: Identity) -> None:
    asha = await identity.register()
    thief = await identity.refresh(asha.tokens.refresh_token)
    identity.clock.advance(60)
    with pytest.raises(grpc.aio.AioRpcError):
        await identity.refresh(asha.tokens.refresh_token)
    async with open_channel(identity.address, *IDENTITY) as channel:
        verifier = verifier_of_identity(channel, identity.clock)
        assert await _refusal(verifier, thief.access_token) == "revoked"
