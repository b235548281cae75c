"""A clock, signing keys, and access tokens."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec

from services.identity.tokens.access_tokens import AccessTokens
from services.identity.tokens.signing_keys import SigningKeys
from tests.simulated_clock import SimulatedClock


@pytest.fixture
def clock() -> SimulatedClock:
    """A clock that starts at noon."""
    return SimulatedClock(datetime(2026, 11, 23, 12, tzinfo=UTC))


@pytest.fixture
def signing_pem() -> bytes:
    """A new private key."""
    key = ec.generate_private_key(ec.SECP256R1())
    return key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )


@pytest.fixture
def keys(signing_pem: bytes) -> SigningKeys:
    """The installation's signing keys."""
    return SigningKeys(signing_pem)


@pytest.fixture
def tokens(keys: SigningKeys, clock: SimulatedClock) -> AccessTokens:
    """Access tokens with the default lifetimes."""
    return AccessTokens(
        keys, clock, customer_lifetime=timedelta(minutes=10), actor_lifetime=timedelta(minutes=5)
    )
