"""Verification of access tokens, access rules, and the cache of keys."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta
from typing import Any

import grpc
import jwt
import pytest
from readback.identity.v1.identity_service_pb2 import JsonWebKey
from readback.options.v1 import options_pb2

from mesh.errors import AccessDenied, Unauthenticated, Unavailable
from mesh.security import access_rules
from mesh.security.authentication import TokenVerifier
from mesh.security.jwks import JwksCache
from tests.mesh_tokens import KID, SigningKey
from tests.simulated_clock import SimulatedClock

pytestmark = pytest.mark.unit

KEY = SigningKey()
AGENT = {"kind": "agent", "act": {"sub": "agent"}, "call": "c1", "conversation": "v1"}


async def _keys(kid: str):
    return KEY.public if kid == KID else None


async def _problem(token: str, clock: SimulatedClock | None = None) -> str:
    with pytest.raises(Unauthenticated) as raised:
        await TokenVerifier(_keys, clock=clock or SimulatedClock(datetime.now(UTC))).verify(token)
    return raised.value.metadata["problem"]


async def test_a_valid_token_gives_the_principal() -> None:
    principal = await TokenVerifier(_keys).verify(KEY.agent_token("ada", call_id="c1", conversation_id="v1"))
    assert (principal.kind, principal.customer_id, principal.actor) == (
        options_pb2.ACCESS_AGENT,
        "ada",
        "agent",
    )
    assert (principal.call_id, principal.conversation_id) == ("c1", "v1")
    assert principal.token not in repr(principal)


async def test_a_services_own_token_has_no_customer() -> None:
    principal = await TokenVerifier(_keys).verify(KEY.service_token())
    assert principal.customer_id is None


@pytest.mark.parametrize(
    ("change", "problem"),
    [
        ({"aud": "somebody-else"}, "wrong audience"),
        ({"iss": "somebody-else"}, "wrong issuer"),
        ({"kind": "root"}, "wrong kind"),
        ({"kind": "agent"}, "wrong kind"),
        ({"act": {"sub": "agent"}}, "wrong kind"),
        ({"headers": {"typ": "JWT"}}, "wrong type"),
        ({"headers": {"kid": "../../etc/passwd"}}, "unknown key"),
        ({"headers": {"kid": "another"}}, "unknown key"),
        ({"headers": {"jku": "https://evil.example"}}, "wrong type"),
        ({"headers": {"jwk": {"kty": "EC"}}}, "wrong type"),
        ({"without": ("exp",)}, "invalid"),
        ({"without": ("jti",)}, "invalid"),
        ({"without": ("sub",)}, "invalid"),
        ({"nbf": datetime.now(UTC) + timedelta(hours=1)}, "not valid yet"),
        ({"iat": datetime.now(UTC) + timedelta(hours=1), "nbf": 0}, "not valid yet"),
        ({"exp": "4102444800"}, "malformed"),
        ({"exp": True}, "malformed"),
        ({"exp": 10**30}, "malformed"),
        ({"iat": "0"}, "malformed"),
        ({"nbf": float("nan")}, "malformed"),
        ({"nbf": None}, "malformed"),
        ({"sub": ""}, "malformed"),
        ({"sid": 7}, "malformed"),
        ({"kind": ["customer"]}, "wrong kind"),
        ({"act": "agent"}, "wrong kind"),
        (AGENT | {"act": "agent"}, "malformed"),
        (AGENT | {"act": {"sub": 7}}, "malformed"),
        (AGENT | {"act": {}}, "malformed"),
        (AGENT | {"without": ("call",)}, "wrong kind"),
        (AGENT | {"conversation": 7}, "malformed"),
    ],
)
async def test_a_token_with_one_thing_wrong_is_refused(change, problem: str) -> None:
    assert await _problem(KEY.token(**change)) == problem


@pytest.mark.parametrize("claim", ["exp", "iat", "nbf"])
@pytest.mark.parametrize(
    "value",
    [1e18, 1e300, 10**400, -1, -1e15, float("nan"), float("inf"), float("-inf"), "123", True, None, [], {}],
    ids=lambda value: str(value)[:8],
)
async def test_a_time_that_is_no_date_makes_a_token_malformed(claim: str, value: Any) -> None:
    assert await _problem(KEY.token(**{claim: value})) in {"malformed", "invalid"}


async def test_a_token_valid_for_more_than_a_day_is_refused() -> None:
    assert await _problem(KEY.token(exp=datetime.now(UTC) + timedelta(days=2))) == "wrong lifetime"


@pytest.mark.parametrize("claim", ["sub", "sid", "call", "conversation"])
@pytest.mark.parametrize(
    "value", ["", "a\0b", "\ud800", "x" * 300, 7, ["a"], {"a": 1}], ids=lambda value: repr(value)[:8]
)
async def test_a_text_that_no_database_can_store_makes_a_token_malformed(claim: str, value: Any) -> None:
    agent: dict[str, Any] = {"kind": "agent", "act": {"sub": "agent"}, "call": "c1", "conversation": "v1"}
    assert await _problem(KEY.token(**(agent | {claim: value}))) in {"malformed", "invalid"}


@pytest.mark.parametrize(
    "act", ["agent", {}, {"sub": ""}, {"sub": 7}, {"sub": None}, {"sub": "a\0b"}], ids=repr
)
async def test_an_agents_token_needs_the_name_of_its_actor(act: object) -> None:
    token = KEY.token(kind="agent", act=act, call="c1", conversation="v1")
    assert await _problem(token) == "malformed"


@pytest.mark.parametrize("missing", ["act", "call", "conversation"])
async def test_an_agents_token_needs_its_actor_and_its_call(missing: str) -> None:
    agent: dict[str, Any] = {"kind": "agent", "act": {"sub": "agent"}, "call": "c1", "conversation": "v1"}
    assert await _problem(KEY.token(without=(missing,), **agent)) == "wrong kind"


async def test_a_token_signed_by_another_key_is_refused() -> None:
    assert await _problem(SigningKey().token()) == "invalid"


@pytest.mark.parametrize("token", ["", "a", "a.b.c", "....", "x" * 100_000, "\ud800.b.c"])
async def test_malformed_tokens_are_refused(token: str) -> None:
    assert await _problem(token) == "malformed"


async def test_a_cached_token_is_refused_from_its_expiry() -> None:
    clock = SimulatedClock(datetime.now(UTC))
    verifier = TokenVerifier(_keys, clock=clock)
    token = KEY.token(exp=clock.now() + timedelta(seconds=30))
    await verifier.verify(token)
    clock.advance(31)
    with pytest.raises(Unauthenticated, match="expired"):
        await verifier.verify(token)


async def test_no_rule_means_no_access() -> None:
    principal = await TokenVerifier(_keys).verify(KEY.token())
    with pytest.raises(AccessDenied):
        access_rules.check("/x", frozenset(), principal)
    with pytest.raises(AccessDenied):
        access_rules.check("/x", frozenset(), None)
    with pytest.raises(Unauthenticated):
        access_rules.check("/x", frozenset({options_pb2.ACCESS_CUSTOMER}), None)


class Jwks:
    """Counts its fetches."""

    def __init__(self) -> None:
        self.asked, self.down = 0, False
        self.keys: list[JsonWebKey] = []

    async def __call__(self) -> list[JsonWebKey]:
        self.asked += 1
        if self.down:
            raise grpc.aio.AioRpcError(grpc.StatusCode.UNAVAILABLE, grpc.aio.Metadata(), grpc.aio.Metadata())
        await asyncio.sleep(0)
        return self.keys


async def test_unknown_kids_do_not_flood_identity() -> None:
    fetch, clock = Jwks(), SimulatedClock(datetime.now(UTC))
    cache = JwksCache(fetch, clock)
    for number in range(50):
        assert await cache(f"kid-{number}") is None
    assert fetch.asked == 1
    clock.advance(6)
    await cache("kid")
    assert fetch.asked == 2


async def test_forged_tokens_do_not_flood_an_unreachable_identity() -> None:
    fetch, clock = Jwks(), SimulatedClock(datetime.now(UTC))
    fetch.down = True
    cache = JwksCache(fetch, clock)
    for number in range(50):
        with pytest.raises(Unavailable):
            await cache(f"kid-{number}")
    assert fetch.asked == 1


async def test_cached_keys_are_used_while_identity_is_unreachable() -> None:
    fetch, clock = Jwks(), SimulatedClock(datetime.now(UTC))
    fetch.keys = [JsonWebKey(**jwt.algorithms.ECAlgorithm.to_jwk(KEY.public, as_dict=True), kid=KID)]
    cache = JwksCache(fetch, clock)
    assert await cache(KID) == KEY.public
    fetch.down = True
    clock.advance(3600)
    assert await cache(KID) == KEY.public


async def test_without_keys_and_identity_the_error_is_unavailable() -> None:
    fetch = Jwks()
    fetch.down = True
    with pytest.raises(Unavailable):
        await JwksCache(fetch)("kid")
