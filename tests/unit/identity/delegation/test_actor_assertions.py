"""Assertions prove a service's identity to identity, for minutes."""

from __future__ import annotations

import base64
import hmac
import json
from datetime import timedelta
from typing import Any

import jwt
import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec

from mesh.security.workload_identity import make_assertion
from services.identity.delegation.actor_assertions import AssertionVerifier
from services.identity.errors import UnknownActor
from tests.simulated_clock import SimulatedClock

pytestmark = pytest.mark.unit


class Installation:
    """Two services with their keys, and a stranger."""

    def __init__(self, clock: SimulatedClock) -> None:
        self.clock = clock
        self.keys = {
            name: ec.generate_private_key(ec.SECP256R1()) for name in ("agent", "conversation", "stranger")
        }
        self.trusted = {name: self.public_pem(name) for name in ("agent", "conversation")}
        self.actors = AssertionVerifier(lambda: self.trusted, clock)

    def private_pem(self, name: str) -> bytes:
        """A service's private key."""
        key = self.keys[name]
        return key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )

    def public_pem(self, name: str) -> bytes:
        """A service's public key."""
        key = self.keys[name].public_key()
        return key.public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)

    def assertion(
        self, signer: str = "agent", typ: str | None = "client-authentication+jwt", **claims: Any
    ) -> str:
        """An assertion of the agent with other claims; None leaves one out."""
        now = int(self.clock.now().timestamp())
        usual = {
            "iss": "agent",
            "sub": "agent",
            "aud": "readback-identity",
            "iat": now,
            "exp": now + 120,
            "jti": "once",
        }
        body = {name: value for name, value in (usual | claims).items() if value is not None}
        return jwt.PyJWS().encode(json.dumps(body).encode(), self.keys[signer], "ES256", {"typ": typ})


@pytest.fixture
def installation(clock: SimulatedClock) -> Installation:
    """An installation at noon."""
    return Installation(clock)


@pytest.mark.parametrize("name", ["agent", "conversation"])
async def test_identity_accepts_the_assertions_of_workload_identity(
    installation: Installation, name: str
) -> None:
    now = installation.clock.now()
    proof = await installation.actors.verify(make_assertion(name, installation.private_pem(name), now=now))
    assert (proof.actor, proof.expires_at) == (name, now + timedelta(minutes=2))
    assert proof.jti


@pytest.mark.parametrize(
    "wrong",
    [
        {"signer": "stranger"},
        {"signer": "stranger", "iss": "stranger", "sub": "stranger"},
        {"signer": "conversation"},
        {"iss": "conversation", "sub": "conversation"},
        {"sub": "conversation"},
        {"iss": None},
        {"iss": ["agent"]},
        {"iss": "../secrets/actor-agent"},
        {"sub": None},
        {"aud": "readback-mesh"},
        {"aud": None},
        {"typ": "JWT"},
        {"typ": "at+jwt"},
        {"jti": None},
        {"jti": ""},
        {"jti": "x" * 129},
        {"jti": 7},
        {"jti": "on\0ce"},
        {"jti": "once\ud800"},
        {"exp": None},
        {"iat": None},
        {"exp": "soon"},
        {"exp": True},
        {"exp": 1e300},
        {"iat": -1e300},
        {"iat": 253402300798, "exp": 253402300799},
        {"exp": 1e18},
        {"nbf": float("nan")},
    ],
    ids=str,
)
async def test_an_invalid_assertion_is_refused_without_the_reason(
    installation: Installation, wrong: dict[str, Any]
) -> None:
    with pytest.raises(UnknownActor) as refused:
        await installation.actors.verify(installation.assertion(**wrong))
    assert str(refused.value) == "The assertion does not prove a known service; check its key and clock."
    assert refused.value.metadata == {}


@pytest.mark.parametrize(
    ("issued", "expires", "good"),
    [
        (0, 300, True),
        (0, 301, False),
        (0, 0, False),
        (0, -1, False),
        (30, 120, True),
        (31, 120, False),
        (-299, 1, True),
        (-300, 0, False),
        (-3600, 60, False),
    ],
)
async def test_an_assertion_lives_for_five_minutes_at_most(
    installation: Installation, issued: int, expires: int, good: bool
) -> None:
    now = int(installation.clock.now().timestamp())
    assertion = installation.assertion(iat=now + issued, exp=now + expires)
    if good:
        await installation.actors.verify(assertion)
    else:
        with pytest.raises(UnknownActor):
            await installation.actors.verify(assertion)


async def test_hmac_with_the_public_key_is_refused(installation: Installation) -> None:
    header, body, _ = installation.assertion().split(".")
    header = _encoded(b'{"alg":"HS256","typ":"client-authentication+jwt"}')
    signature = hmac.digest(installation.trusted["agent"], f"{header}.{body}".encode(), "sha256")
    unsigned = _encoded(b'{"alg":"none","typ":"client-authentication+jwt"}')
    for forged in (f"{header}.{body}.{_encoded(signature)}", f"{unsigned}.{body}."):
        with pytest.raises(UnknownActor):
            await installation.actors.verify(forged)


def _encoded(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


async def test_removing_a_key_takes_effect_immediately(installation: Installation) -> None:
    await installation.actors.verify(installation.assertion())
    del installation.trusted["agent"]
    with pytest.raises(UnknownActor):
        await installation.actors.verify(installation.assertion())


@pytest.mark.parametrize("text", ["", "...", "a.b.c", "eyJhbGciOiJFUzI1NiJ9..", "[" * 5000, "ü", "\0"])
async def test_garbage_is_refused(installation: Installation, text: str) -> None:
    with pytest.raises(UnknownActor):
        await installation.actors.verify(text)
