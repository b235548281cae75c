"""Grants and token exchange over gRPC."""

from __future__ import annotations

import asyncio
from datetime import UTC, timedelta

import grpc
import jwt
import pytest
from readback.identity.v1 import identity_service_pb2 as pb
from readback.internal.identity.v1 import identity_internal_service_pb2 as internal
from readback.options.v1 import options_pb2

from mesh.calling.channel import open_channel
from mesh.ids import uuid7
from mesh.security.authentication import Principal, TokenVerifier, bearer
from mesh.security.jwks import keys_of_identity
from mesh.security.revocations import IDENTITY
from mesh.security.workload_identity import WorkloadIdentity
from tests.integration.identity.harness import Identity, SignedIn, refused

pytestmark = pytest.mark.integration

GRANT_ENDED = (grpc.StatusCode.UNAUTHENTICATED, "GRANT_ENDED")
UNKNOWN_ACTOR = (grpc.StatusCode.UNAUTHENTICATED, "UNKNOWN_ACTOR")
SESSION_ENDED = (grpc.StatusCode.UNAUTHENTICATED, "SESSION_ENDED")
DENIED = (grpc.StatusCode.PERMISSION_DENIED, "ACCESS_DENIED")


async def _principal(identity: Identity, token: str) -> Principal:
    """Return the principal that another service gets from the token, with fetched keys."""
    async with open_channel(identity.address, *IDENTITY) as channel:
        return await TokenVerifier(keys_of_identity(channel, identity.clock), clock=identity.clock).verify(
            token
        )


async def _revoke(identity: Identity, token: str, call_id: str, request_id: str | None = None) -> None:
    request = internal.RevokeGrantRequest(call_id=call_id, request_id=request_id or uuid7())
    await identity.internal.RevokeGrant(request, metadata=bearer(token))


async def test_an_assertion_without_a_grant_gets_a_token_without_a_customer(identity: Identity) -> None:
    principal = await _principal(identity, await identity.exchange())
    assert (principal.kind, principal.subject) == (options_pb2.ACCESS_AGENT_WORKER, "agent")
    assert (principal.customer_id, principal.actor, principal.call_id) == (None, None, None)


async def test_a_services_own_token_gives_no_access_to_customer_data(identity: Identity) -> None:
    await identity.register()
    own = bearer(await identity.exchange())
    assert await refused(identity.stub.GetCustomer(pb.GetCustomerRequest(), metadata=own)) == DENIED
    request = internal.GrantCallRequest(call_id=uuid7(), conversation_id=uuid7())
    assert await refused(identity.internal.GrantCall(request, metadata=own)) == DENIED


async def test_with_a_grant_the_token_names_customer_agent_call_and_conversation(identity: Identity) -> None:
    asha = await identity.register()
    call_id, conversation_id = uuid7(), uuid7()
    grant = await identity.grant(asha, call_id, conversation_id)
    principal = await _principal(identity, await identity.exchange(grant.grant))
    assert principal.kind == options_pb2.ACCESS_AGENT
    assert (principal.customer_id, principal.actor) == (asha.customer.customer_id, "agent")
    assert (principal.call_id, principal.conversation_id) == (call_id, conversation_id)
    assert principal.session_id is None


async def test_workload_identity_exchanges_and_caches_its_token(identity: Identity) -> None:
    asha = await identity.register()
    grant = await identity.grant(asha, uuid7())
    key = identity.settings.secrets.actor_key("agent")
    workload = WorkloadIdentity("agent", key, identity.internal, identity.clock)
    assert (await workload.exchange(grant.grant)).expires_at == (
        identity.clock.now() + timedelta(minutes=5)
    ).replace(microsecond=0)
    own = await workload.own_token()
    assert await workload.own_token() == own
    identity.clock.advance(300)
    assert await workload.own_token() != own


async def test_only_agents_exchange_grants(identity: Identity) -> None:
    grant = await identity.grant(await identity.register(), uuid7())
    for name in ("gateway", "conversation"):
        workload = WorkloadIdentity(
            name, identity.settings.secrets.actor_key(name), identity.internal, identity.clock
        )
        assert (await refused(workload.exchange(grant.grant)))[0] is grpc.StatusCode.UNAUTHENTICATED
    await identity.exchange(grant.grant)


async def test_a_grant_is_exchanged_for_tokens_until_it_expires(identity: Identity) -> None:
    grant = await identity.grant(await identity.register(), uuid7())
    for _ in range(4):
        await identity.exchange(grant.grant)
        identity.clock.advance(3599)
    last = jwt.decode(await identity.exchange(grant.grant), options={"verify_signature": False})
    assert last["exp"] <= grant.expire_time.ToDatetime(UTC).timestamp()
    identity.clock.advance(4)
    assert await refused(identity.exchange(grant.grant)) == GRANT_ENDED


async def test_a_second_grant_for_the_same_call_replaces_the_first(identity: Identity) -> None:
    asha = await identity.register()
    call_id = uuid7()
    first, second = await identity.grant(asha, call_id), await identity.grant(asha, call_id)
    assert await refused(identity.exchange(first.grant)) == GRANT_ENDED
    await identity.exchange(second.grant)


async def test_concurrent_grants_of_a_call_leave_exactly_one(identity: Identity) -> None:
    asha = await identity.register()
    call_id = uuid7()
    grants = await asyncio.gather(*(identity.grant(asha, call_id) for _ in range(6)))
    exchanged = await asyncio.gather(
        *(identity.exchange(grant.grant) for grant in grants), return_exceptions=True
    )
    assert sum(isinstance(token, str) for token in exchanged) == 1


async def test_customers_revoke_their_own_grant(identity: Identity) -> None:
    asha = await identity.register()
    call_id = uuid7()
    grant, other_call = await identity.grant(asha, call_id), await identity.grant(asha, uuid7())
    await _revoke(identity, asha.tokens.access_token, call_id)
    assert await refused(identity.exchange(grant.grant)) == GRANT_ENDED
    await identity.exchange(other_call.grant)


async def test_a_customer_can_neither_revoke_nor_replace_anothers_grant(identity: Identity) -> None:
    asha = await identity.register()
    mallory = await identity.register("mallory@example.com")
    call_id = uuid7()
    grant = await identity.grant(asha, call_id)
    await _revoke(identity, mallory.tokens.access_token, call_id)
    of_mallory = await identity.grant(mallory, call_id)
    assert (
        await _principal(identity, await identity.exchange(grant.grant))
    ).customer_id == asha.customer.customer_id
    assert (
        await _principal(identity, await identity.exchange(of_mallory.grant))
    ).customer_id == mallory.customer.customer_id


async def test_a_service_revokes_any_calls_grants(identity: Identity) -> None:
    asha = await identity.register()
    call_id = uuid7()
    grant = await identity.grant(asha, call_id)
    await _revoke(identity, await identity.exchange(actor="conversation"), call_id)
    assert await refused(identity.exchange(grant.grant)) == GRANT_ENDED


async def test_an_agent_can_neither_grant_nor_revoke(identity: Identity) -> None:
    asha = await identity.register()
    call_id = uuid7()
    agent = await identity.exchange((await identity.grant(asha, call_id)).grant)
    assert await refused(_revoke(identity, agent, call_id)) == DENIED
    request = internal.GrantCallRequest(call_id=uuid7(), conversation_id=uuid7())
    assert await refused(identity.internal.GrantCall(request, metadata=bearer(agent))) == DENIED


async def test_revoking_an_unknown_grant_succeeds_and_request_ids_are_unique(identity: Identity) -> None:
    asha = await identity.register()
    call_id, request_id = uuid7(), uuid7()
    await _revoke(identity, asha.tokens.access_token, call_id, request_id)
    grant = await identity.grant(asha, call_id)
    await _revoke(
        identity, asha.tokens.access_token, call_id, request_id
    )  # a retry of the old request doesn't end the new grant
    await identity.exchange(grant.grant)
    reused = (grpc.StatusCode.ALREADY_EXISTS, "REQUEST_ID_REUSED")
    assert await refused(_revoke(identity, asha.tokens.access_token, uuid7(), request_id)) == reused


async def test_a_grant_never_outlives_its_session(identity: Identity) -> None:
    asha = await identity.register()
    identity.clock.advance(timedelta(days=30).total_seconds() - 300)
    tokens = await identity.refresh(asha.tokens.refresh_token)
    grant = await identity.grant(SignedIn(asha.customer, tokens), uuid7())
    assert grant.expire_time == tokens.session_expire_time


async def test_a_replayed_assertion_is_refused(identity: Identity) -> None:
    grant = await identity.grant(await identity.register(), uuid7())
    assertion = identity.assertion()
    for text, outcome in ((grant.grant, None), (grant.grant, UNKNOWN_ACTOR), ("", UNKNOWN_ACTOR)):
        call = identity.internal.ExchangeToken(
            internal.ExchangeTokenRequest(actor_assertion=assertion, grant=text)
        )
        if outcome is None:
            await call
        else:
            assert await refused(call) == outcome


async def test_services_may_use_the_same_assertion_ids(identity: Identity) -> None:
    now = int(identity.clock.now().timestamp())
    for actor in ("agent", "conversation"):
        claims = {
            "iss": actor,
            "sub": actor,
            "aud": "readback-identity",
            "iat": now,
            "exp": now + 60,
            "jti": "the same",
        }
        key = identity.settings.secrets.actor_key(actor)
        assertion = jwt.encode(claims, key, "ES256", {"typ": "client-authentication+jwt"})
        await identity.internal.ExchangeToken(internal.ExchangeTokenRequest(actor_assertion=assertion))


async def test_an_assertion_sent_concurrently_gets_one_token(identity: Identity) -> None:
    request = internal.ExchangeTokenRequest(actor_assertion=identity.assertion())
    outcomes = await asyncio.gather(
        *(identity.internal.ExchangeToken(request) for _ in range(8)), return_exceptions=True
    )
    assert sum(isinstance(outcome, internal.ExchangeTokenResponse) for outcome in outcomes) == 1


async def test_an_assertion_used_with_an_ended_grant_is_spent(identity: Identity) -> None:
    assertion = identity.assertion()
    request = internal.ExchangeTokenRequest(actor_assertion=assertion, grant="rbg_unknown")
    assert await refused(identity.internal.ExchangeToken(request)) == GRANT_ENDED
    assert (
        await refused(
            identity.internal.ExchangeToken(internal.ExchangeTokenRequest(actor_assertion=assertion))
        )
        == UNKNOWN_ACTOR
    )


async def test_access_and_refresh_tokens_are_not_assertions_or_grants(identity: Identity) -> None:
    asha = await identity.register()
    own = await identity.exchange()
    for wrong in (asha.tokens.access_token, asha.tokens.refresh_token, own):
        assert (
            await refused(
                identity.internal.ExchangeToken(internal.ExchangeTokenRequest(actor_assertion=wrong))
            )
            == UNKNOWN_ACTOR
        )
    assert await refused(identity.exchange(asha.tokens.refresh_token)) == GRANT_ENDED


async def test_a_grant_needs_a_live_session(identity: Identity) -> None:
    asha = await identity.register()
    await identity.stub.Logout(pb.LogoutRequest(request_id=uuid7()), metadata=asha.headers)
    assert await refused(identity.grant(asha, uuid7())) == SESSION_ENDED


@pytest.mark.parametrize(
    ("call_id", "conversation_id"),
    [("", uuid7()), (uuid7(), ""), ("not-a-uuid", uuid7()), (uuid7(), "1")],
    ids=["no call", "no conversation", "call", "conversation"],
)
async def test_a_malformed_id_is_refused(identity: Identity, call_id: str, conversation_id: str) -> None:
    asha = await identity.register()
    request = internal.GrantCallRequest(call_id=call_id, conversation_id=conversation_id)
    invalid = (grpc.StatusCode.INVALID_ARGUMENT, "INVALID_REQUEST")
    assert await refused(identity.internal.GrantCall(request, metadata=asha.headers)) == invalid
