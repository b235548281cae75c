"""Access tokens of identity are accepted by the mesh's verifier; forged ones are not."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

import jwt
import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePublicKey
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from jwt.algorithms import ECAlgorithm
from livekit.api import AccessToken as LiveKitToken
from livekit.api import VideoGrants
from readback.options.v1 import options_pb2

from mesh.errors import Unauthenticated
from mesh.security.authentication import Principal, TokenVerifier
from services.identity.store.records import Grant, Session
from services.identity.tokens.access_tokens import AccessTokens
from services.identity.tokens.signing_keys import SigningKeys, thumbprint
from tests.simulated_clock import SimulatedClock

pytestmark = pytest.mark.unit

Claims = dict[str, Any]


@pytest.fixture
def verifier(keys: SigningKeys, clock: SimulatedClock) -> TokenVerifier:
    """The verifier that every service uses."""

    async def find(kid: str) -> EllipticCurvePublicKey | None:
        return keys.public_keys.get(kid)

    return TokenVerifier(find, clock=clock)


@pytest.fixture
def session(clock: SimulatedClock) -> Session:
    """A new session."""
    return Session("session-1", "customer-1", clock.now(), clock.now() + timedelta(days=30))


@pytest.fixture
def good(tokens: AccessTokens, session: Session) -> str:
    """A customer's token."""
    return tokens.for_customer(session).text


async def _problem(verifier: TokenVerifier, token: str) -> str:
    with pytest.raises(Unauthenticated) as refused:
        await verifier.verify(token)
    assert token not in str(refused.value)
    return refused.value.metadata["problem"]


def _encoded(part: Mapping[str, Any] | bytes) -> str:
    raw = part if isinstance(part, bytes) else json.dumps(part).encode()
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


def _parts(token: str) -> tuple[dict[str, Any], Claims]:
    return jwt.get_unverified_header(token), jwt.decode(token, options={"verify_signature": False})


@pytest.fixture
def forged(good: str, keys: SigningKeys) -> Callable[..., str]:
    """Return the valid token with other claims or headers, signed with the real key."""

    def forge(headers: Mapping[str, Any] | None = None, **claims: Any) -> str:
        header, body = _parts(good)
        body = {name: value for name, value in (body | claims).items() if value is not None}
        header = {name: value for name, value in (header | dict(headers or {})).items() if value is not None}
        signed = f"{_encoded(header)}.{_encoded(body)}"
        return f"{signed}.{_encoded(ECAlgorithm(ECAlgorithm.SHA256).sign(signed.encode(), keys.current))}"

    return forge


async def _verified(verifier: TokenVerifier, token: str) -> Principal:
    return await verifier.verify(token)


async def test_a_customers_token_has_customer_and_session(
    verifier: TokenVerifier, good: str, clock: SimulatedClock
) -> None:
    principal = await _verified(verifier, good)
    assert principal.kind == options_pb2.ACCESS_CUSTOMER
    assert (principal.subject, principal.customer_id, principal.session_id) == (
        "customer-1",
        "customer-1",
        "session-1",
    )
    assert (principal.actor, principal.call_id) == (None, None)
    assert principal.expires_at == clock.now() + timedelta(minutes=10)


async def test_an_agents_token_has_customer_call_and_actor(
    verifier: TokenVerifier, tokens: AccessTokens, clock: SimulatedClock
) -> None:
    grant = Grant(
        b"", "customer-1", "session-1", "conversation-1", "call-1", clock.now() + timedelta(hours=4)
    )
    principal = await _verified(verifier, tokens.for_agent("agent", grant).text)
    assert principal.kind == options_pb2.ACCESS_AGENT
    assert (principal.customer_id, principal.actor) == ("customer-1", "agent")
    assert (principal.call_id, principal.conversation_id, principal.session_id) == (
        "call-1",
        "conversation-1",
        None,
    )
    assert principal.expires_at == clock.now() + timedelta(minutes=5)


async def test_a_services_own_token_has_no_customer(verifier: TokenVerifier, tokens: AccessTokens) -> None:
    principal = await _verified(verifier, tokens.for_service("conversation").text)
    assert principal.kind == options_pb2.ACCESS_CONVERSATION
    assert (principal.subject, principal.customer_id, principal.actor) == ("conversation", None, None)


def test_a_token_expires_with_its_session_or_grant(tokens: AccessTokens, clock: SimulatedClock) -> None:
    soon = clock.now() + timedelta(seconds=90)
    assert tokens.for_customer(Session("s", "c", clock.now(), soon)).expires_at == soon
    assert tokens.for_agent("agent", Grant(b"", "c", "s", "conversation", "call", soon)).expires_at == soon


def test_the_header_has_type_algorithm_and_key_only(good: str, keys: SigningKeys) -> None:
    header, claims = _parts(good)
    assert header == {"alg": "ES256", "typ": "at+jwt", "kid": keys.current_kid}
    assert (claims["iss"], claims["aud"], claims["kind"]) == (
        "readback-identity",
        "readback-mesh",
        "customer",
    )
    assert isinstance(claims["exp"], int)


def test_no_two_tokens_have_the_same_id(tokens: AccessTokens, session: Session) -> None:
    assert len({_parts(tokens.for_customer(session).text)[1]["jti"] for _ in range(50)}) == 50


@pytest.mark.parametrize("algorithm", ["none", "None", "NONE", "nOnE", ""])
@pytest.mark.parametrize("signature", ["", "AAAA"])
async def test_an_unsigned_token_is_refused_in_any_spelling(
    verifier: TokenVerifier, good: str, algorithm: str, signature: str
) -> None:
    header, claims = _parts(good)
    assert (
        await _problem(verifier, f"{_encoded(header | {'alg': algorithm})}.{_encoded(claims)}.{signature}")
        == "wrong type"
    )


async def test_hmac_with_the_public_key_is_refused(
    verifier: TokenVerifier, good: str, keys: SigningKeys
) -> None:
    header, claims = _parts(good)
    pem = keys.current.public_key().public_bytes(
        serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
    )
    signed = f"{_encoded(header | {'alg': 'HS256'})}.{_encoded(claims)}"
    hmac = jwt.algorithms.HMACAlgorithm(jwt.algorithms.HMACAlgorithm.SHA256)
    assert await _problem(verifier, f"{signed}.{_encoded(hmac.sign(signed.encode(), pem))}") == "wrong type"


@pytest.mark.parametrize(
    "kid", ["", "unknown", "../../etc/passwd", "/dev/null", "' OR 1=1 --", "a" * 65, 7, None, ["a"], {"a": 1}]
)
async def test_a_key_is_found_by_its_kid_only(
    verifier: TokenVerifier, forged: Callable[..., str], kid: object
) -> None:
    assert await _problem(verifier, forged({"kid": kid})) in {"unknown key", "malformed"}


async def test_a_key_that_comes_with_the_token_is_not_used(verifier: TokenVerifier, good: str) -> None:
    _, claims = _parts(good)
    stranger = ec.generate_private_key(ec.SECP256R1())
    jwk = json.loads(ECAlgorithm.to_jwk(stranger.public_key()))
    kid = thumbprint(stranger.public_key())
    for extra in (
        {"jwk": jwk},
        {"jku": "https://attacker.example/keys"},
        {"x5u": "https://attacker.example"},
        {"x5c": ["AAAA"]},
        {},
    ):
        token = jwt.encode(claims, stranger, "ES256", {"typ": "at+jwt", "kid": kid, **extra})
        assert await _problem(verifier, token) == ("wrong type" if extra else "unknown key")


async def test_a_foreign_signature_under_a_known_kid_is_refused(verifier: TokenVerifier, good: str) -> None:
    header, claims = _parts(good)
    stranger = ec.generate_private_key(ec.SECP256R1())
    assert await _problem(verifier, jwt.encode(claims, stranger, "ES256", header)) == "invalid"


@pytest.mark.parametrize(
    ("headers", "claims", "problem"),
    [
        ({}, {"aud": "readback-identity"}, "wrong audience"),
        ({}, {"aud": None}, "invalid"),
        ({}, {"iss": "somebody-else"}, "wrong issuer"),
        ({}, {"iss": None}, "invalid"),
        ({}, {"sub": None}, "invalid"),
        ({}, {"jti": None}, "invalid"),
        ({}, {"exp": None}, "invalid"),
        ({}, {"exp": "tomorrow"}, "malformed"),
        ({}, {"exp": 1e300}, "malformed"),
        ({}, {"kind": "administrator"}, "wrong kind"),
        ({}, {"kind": None}, "wrong kind"),
        ({}, {"kind": "agent"}, "wrong kind"),
        ({}, {"act": {"sub": "agent"}}, "wrong kind"),
        ({"typ": "JWT"}, {}, "wrong type"),
        ({"typ": "client-authentication+jwt"}, {}, "wrong type"),
        ({"typ": None}, {}, "wrong type"),
        ({"crit": ["exp"]}, {}, "malformed"),
        ({"alg": "ES384"}, {}, "wrong type"),
    ],
)
async def test_a_token_for_another_purpose_is_refused(
    verifier: TokenVerifier, forged: Callable[..., str], headers: dict[str, Any], claims: Claims, problem: str
) -> None:
    assert await _problem(verifier, forged(headers, **claims)) == problem


async def test_a_token_is_invalid_from_its_expiry(
    verifier: TokenVerifier, good: str, clock: SimulatedClock
) -> None:
    clock.advance(599.9)
    await verifier.verify(good)
    clock.advance(0.1)
    assert await _problem(verifier, good) == "expired"
    assert await _problem(verifier, good) == "expired"


async def test_a_token_not_valid_yet_is_refused(
    verifier: TokenVerifier, forged: Callable[..., str], clock: SimulatedClock
) -> None:
    now = clock.now().timestamp()
    assert await _problem(verifier, forged(nbf=now + 3600, exp=now + 7200)) == "not valid yet"
    assert await _problem(verifier, forged(iat=now + 3600, exp=now + 7200)) == "not valid yet"


@pytest.mark.parametrize(
    "token", ["", ".", "..", "a.b.c", "eyJ", "\0", "ü.ü.ü", "Bearer", "A" * 1_000_000, "." * 8000]
)
async def test_malformed_tokens_are_refused_quickly(verifier: TokenVerifier, token: str) -> None:
    with pytest.raises(Unauthenticated):
        await verifier.verify(token)


async def test_a_padded_token_of_a_megabyte_is_refused(
    verifier: TokenVerifier, forged: Callable[..., str]
) -> None:
    assert await _problem(verifier, forged(padding="x" * 1_000_000)) == "malformed"


async def test_a_livekit_token_is_not_an_access_token(verifier: TokenVerifier) -> None:
    video = VideoGrants(room_join=True, room="call")
    livekit = (
        LiveKitToken("key", "a secret of LiveKit's, 32 characters")
        .with_identity("customer-1")
        .with_grants(video)
    )
    assert await _problem(verifier, livekit.to_jwt()) == "wrong type"


async def test_a_token_of_a_removed_key_is_refused(good: str, clock: SimulatedClock) -> None:
    async def no_keys(_: str) -> EllipticCurvePublicKey | None:
        return None

    assert await _problem(TokenVerifier(no_keys, clock=clock), good) == "unknown key"


@settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
async def test_a_changed_token_is_refused(verifier: TokenVerifier, good: str, data: st.DataObject) -> None:
    position = data.draw(st.integers(0, len(good) - 1))
    changed = good[:position] + data.draw(st.sampled_from("Aa0._-~é\0")) + good[position + 1 :]
    if _same_bytes(changed, good):
        return
    with pytest.raises(Unauthenticated):
        await verifier.verify(changed)


def _same_bytes(one: str, other: str) -> bool:
    """Compare decoded bytes, because different base64 texts can decode to the same ones."""
    try:
        return [base64.urlsafe_b64decode(part + "==") for part in one.split(".")] == [
            base64.urlsafe_b64decode(part + "==") for part in other.split(".")
        ]
    except ValueError:
        return False


def test_times_are_in_whole_seconds_of_utc(tokens: AccessTokens, session: Session) -> None:
    minted = tokens.for_customer(session)
    assert datetime.fromtimestamp(_parts(minted.text)[1]["exp"], UTC) == minted.expires_at
